#include "tidemark/bytes.h"

#include <fmt/format.h>

#include "tidemark/error.h"

namespace tidemark {

std::string to_hex(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const Byte byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Bytes from_hex(std::string_view text) {
  Bytes bytes(text.size() / 2);
  bool good = text.size() % 2 == 0;
  for (std::size_t i = 0; good && i < bytes.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    good = high >= 0 && low >= 0;
    bytes[i] = static_cast<Byte>(high * 16 + low);
  }
  if (!good) throw Error(ErrorKind::corrupt, fmt::format("'{}' is not lower-case hexadecimal", text));
  return bytes;
}

void ByteWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    to_.push_back(static_cast<Byte>(value | 0x80));
    value >>= 7;
  }
  to_.push_back(static_cast<Byte>(value));
}

void ByteWriter::signed_varint(std::int64_t value) {
  varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

void ByteWriter::sized(ByteView value) {
  varint(value.size());
  bytes(value);
}

std::uint64_t ByteReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const Byte byte = bytes(1)[0];
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  throw Error(ErrorKind::corrupt, fmt::format("{}: a number at byte {} is too long", what_, at_));
}

std::int64_t ByteReader::signed_varint() {
  const std::uint64_t value = varint();
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

ByteView ByteReader::bytes(std::size_t count) {
  if (count > left()) {
    throw Error(ErrorKind::corrupt, fmt::format("{} ends early: {} bytes wanted at byte {} of {}", what_,
                                                count, at_, from_.size()));
  }
  const ByteView found = from_.subspan(at_, count);
  at_ += count;
  return found;
}

ByteView ByteReader::sized() { return bytes(count(1)); }

std::string ByteReader::text() { return std::string(as_text(sized())); }

std::size_t ByteReader::count(std::size_t minimum_bytes) {
  const std::uint64_t announced = varint();
  if (announced > left() / minimum_bytes) {
    throw Error(ErrorKind::corrupt, fmt::format("{} announces {} items at byte {} but only {} bytes follow",
                                                what_, announced, at_, left()));
  }
  return announced;
}

}  // namespace tidemark
