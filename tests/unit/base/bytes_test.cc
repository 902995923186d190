#include "tidemark/bytes.h"

#include <gtest/gtest.h>

#include <limits>

#include "tidemark/error.h"

namespace tidemark {

namespace {

TEST(Hex, GoesThereAndBack) {
  const Bytes bytes = {0x00, 0x7f, 0x80, 0xff, 0x1a};
  EXPECT_EQ(to_hex(bytes), "007f80ff1a");
  EXPECT_EQ(from_hex("007f80ff1a"), bytes);
  EXPECT_EQ(from_hex(""), Bytes{});
}

TEST(Hex, RefusesOddUpperCaseAndForeignDigits) {
  for (const char* text : {"0", "0A", "g0", "0x", " 0"}) EXPECT_THROW(from_hex(text), Error) << text;
}

TEST(ByteWriter, IsReadBack) {
  Bytes bytes;
  ByteWriter writer(bytes);
  const std::uint64_t unsigned_values[] = {
      0, 1, 127, 128, 16383, 16384, std::numeric_limits<std::uint64_t>::max()};
  const std::int64_t signed_values[] = {
      0, -1, 1, -64, 64, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  writer.fixed<std::uint32_t>(0x01020304);
  for (const auto value : unsigned_values) writer.varint(value);
  for (const auto value : signed_values) writer.signed_varint(value);
  writer.text("text");
  writer.sized({});
  writer.fixed(-2.5);
  EXPECT_EQ(bytes[0], 4);  // little-endian

  ByteReader reader(bytes);
  EXPECT_EQ(reader.fixed<std::uint32_t>(), 0x01020304U);
  for (const auto value : unsigned_values) EXPECT_EQ(reader.varint(), value);
  for (const auto value : signed_values) EXPECT_EQ(reader.signed_varint(), value);
  EXPECT_EQ(reader.text(), "text");
  EXPECT_TRUE(reader.sized().empty());
  EXPECT_EQ(reader.fixed<double>(), -2.5);
  EXPECT_TRUE(reader.at_end());
}

TEST(ByteReader, NamesWhatEndsEarly) {
  const Bytes bytes = {1, 2, 3};
  ByteReader reader(bytes, "the manifest");
  reader.skip(1);
  try {
    reader.fixed<std::uint32_t>();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_EQ(error.message(), "the manifest ends early: 4 bytes wanted at byte 1 of 3");
  }
  EXPECT_EQ(reader.position(), 1U);
}

TEST(ByteReader, RefusesNumbersOfMoreThan64Bits) {
  Bytes bytes(9, 0xff);
  bytes.push_back(0x01);
  EXPECT_EQ(ByteReader(bytes).varint(), std::numeric_limits<std::uint64_t>::max());
  bytes.back() = 0x02;
  EXPECT_THROW(ByteReader(bytes).varint(), Error);
  bytes.back() = 0x80;
  EXPECT_THROW(ByteReader(bytes).varint(), Error);
}

TEST(ByteReader, RefusesCountsThatCannotFollow) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.varint(3);
  writer.bytes(Bytes(11));
  EXPECT_EQ(ByteReader(bytes).count(3), 3U);
  EXPECT_THROW(ByteReader(bytes).count(4), Error);
  Bytes lying;
  ByteWriter(lying).varint(std::numeric_limits<std::uint64_t>::max());
  EXPECT_THROW(ByteReader(lying).sized(), Error);
}

}  // namespace

}  // namespace tidemark
