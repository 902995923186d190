#pragma once
// Bytes and their little-endian reading and writing. ByteReader is for bytes that came from outside: every
// read is bounds-checked and a short input is an Error of kind corrupt.

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tidemark {

using Byte = std::uint8_t;
using Bytes = std::vector<Byte>;
using ByteView = std::span<const Byte>;

static_assert(std::endian::native == std::endian::little, "only little-endian hosts are supported");

template <typename T>
requires std::is_arithmetic_v<T> T load_le(const Byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
requires std::is_arithmetic_v<T>
void store_le(Byte* to, T value) { std::memcpy(to, &value, sizeof value); }

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const Byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_hex(ByteView bytes);     // lower case
Bytes from_hex(std::string_view text);  // throws corrupt

// Appends to a buffer that the caller owns and that must outlive the writer.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& to) : to_(to) {}

  template <typename T>
  requires std::is_arithmetic_v<T>
  void fixed(T value) {
    const auto at = to_.size();
    to_.resize(at + sizeof value);
    store_le(to_.data() + at, value);
  }
  void varint(std::uint64_t value);        // LEB128
  void signed_varint(std::int64_t value);  // zigzag, LEB128
  void bytes(ByteView value) { to_.insert(to_.end(), value.begin(), value.end()); }
  void sized(ByteView value);  // varint length, then the bytes
  void text(std::string_view value) { sized(as_bytes(value)); }
  std::size_t size() const { return to_.size(); }

 private:
  Bytes& to_;
};

// Reads a view that must outlive the reader and what it returned. All members throw Error corrupt when bytes
// are missing.
class ByteReader {
 public:
  explicit ByteReader(ByteView from, std::string_view what = "data") : from_(from), what_(what) {}

  template <typename T>
  requires std::is_arithmetic_v<T> T fixed() { return load_le<T>(bytes(sizeof(T)).data()); }
  std::uint64_t varint();
  std::int64_t signed_varint();
  ByteView bytes(std::size_t count);
  ByteView sized();
  std::string text();
  void skip(std::size_t count) { bytes(count); }

  std::size_t left() const { return from_.size() - at_; }
  std::size_t position() const { return at_; }
  bool at_end() const { return left() == 0; }
  // A count of items that each take at least `minimum_bytes`: refused when that many cannot follow (a lying
  // length).
  std::size_t count(std::size_t minimum_bytes);

 private:
  ByteView from_;
  std::size_t at_ = 0;
  std::string_view what_;
};

}  // namespace tidemark
