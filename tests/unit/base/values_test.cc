#include <gtest/gtest.h>

#include "tidemark/checksum.h"
#include "tidemark/identity.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/object_store.h"
#include "tidemark/timeline.h"

namespace tidemark {

namespace {

TEST(Lsn, PrintsAsPostgresDoes) {
  EXPECT_EQ(Lsn(0x3000028).to_string(), "0/3000028");
  EXPECT_EQ(Lsn(0x1'0000'0000).to_string(), "1/0");
  EXPECT_EQ(Lsn(0xFFFF'FFFF'ABCD'EF01).to_string(), "FFFFFFFF/ABCDEF01");
  EXPECT_EQ(Lsn::parse("FFFFFFFF/ABCDEF01"), Lsn(0xFFFF'FFFF'ABCD'EF01));
  EXPECT_EQ(Lsn::parse("0/3000028"), Lsn(0x3000028));
  EXPECT_FALSE(Lsn().valid());
}

TEST(Lsn, RefusesEverythingElse) {
  for (const char* text : {"", "/", "0", "0/", "/0", "0/0/0", "-1/0", "0/-1", "0x1/0", "100000000/0",
                           "0/100000000", " 0/0", "0/0 ", "g/0", "+1/0"}) {
    EXPECT_FALSE(Lsn::parse(text)) << text;
  }
}

TEST(Instant, PrintsAndParses) {
  EXPECT_EQ(Instant().to_iso(), "2000-01-01T00:00:00.000000Z");
  EXPECT_EQ(Instant::from_unix(0).to_iso(), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(Instant::from_unix(-1).to_iso(), "1969-12-31T23:59:59.999999Z");
  const Instant leap = *Instant::parse_iso("2024-02-29T23:59:59.123456Z");
  EXPECT_EQ(leap.to_compact(), "20240229T235959.123456Z");
  EXPECT_EQ(Instant::parse_compact(leap.to_compact()), leap);
  EXPECT_EQ((leap + std::chrono::seconds(1)).to_iso(), "2024-03-01T00:00:00.123456Z");
  EXPECT_EQ(Instant::from_postgres(1).unix_microseconds(), 946'684'800'000'001);
  EXPECT_LT(leap - std::chrono::hours(1), leap);
  EXPECT_DOUBLE_EQ(to_seconds(std::chrono::milliseconds(1500)), 1.5);
}

TEST(Instant, RefusesOtherFormsAndImpossibleDates) {
  for (const char* text :
       {"", "2024-02-30T00:00:00.000000Z", "2023-02-29T00:00:00.000000Z", "2024-13-01T00:00:00.000000Z",
        "2024-01-01T24:00:00.000000Z", "2024-01-01T00:60:00.000000Z", "2024-01-01T00:00:60.000000Z",
        "2024-01-01 00:00:00.000000Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000000",
        "2024-01-01T00:00:00.00000aZ"}) {
    EXPECT_FALSE(Instant::parse_iso(text)) << text;
  }
  EXPECT_FALSE(Instant::parse_compact("20240101X000000.000000Z"));
}

TEST(BackupId, SortsByStartTimeAndParsesItself) {
  const Instant start = *Instant::parse_iso("2026-11-22T03:04:56.999999Z");
  const BackupId id(start, 0x1f3a);
  EXPECT_EQ(id.to_string(), "20261122T030456Z-1f3a");
  EXPECT_EQ(BackupId::parse(id.to_string()), id);
  EXPECT_LT(id, BackupId(start + std::chrono::seconds(1), 0));
  EXPECT_FALSE(BackupId().valid());
  for (const char* text : {"", "20261122T030456Z-1f3", "20261122T030456Z-1F3A", "20261322T030456Z-1f3a",
                           "20261122T030456Z_1f3a", "20261122T030456Z-1f3a/"}) {
    EXPECT_FALSE(BackupId::parse(text)) << text;
  }
  EXPECT_TRUE(object_name_valid("backups/" + id.to_string() + "/manifest"));
}

TEST(RepositoryId, ParsesItsOwnText) {
  const auto id = RepositoryId::parse("000102030405060708090a0b0c0d0eff");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->to_string(), "000102030405060708090a0b0c0d0eff");
  EXPECT_EQ(id->bytes()[15], 0xff);
  EXPECT_FALSE(RepositoryId::parse("000102030405060708090a0b0c0d0eF0"));
  EXPECT_FALSE(RepositoryId::parse("00"));
}

TEST(SystemId, IsDecimal) {
  EXPECT_EQ(SystemId::parse("18446744073709551615")->value(), ~std::uint64_t{0});
  EXPECT_EQ(SystemId(7).to_string(), "7");
  for (const char* text : {"", "18446744073709551616", "-1", "0x1", "1 "})
    EXPECT_FALSE(SystemId::parse(text)) << text;
}

TEST(ObjectName, IsARelativePathOfPlainParts) {
  for (const char* name :
       {"a", "tidemark.json", "wal/00000001/0/0000.open.3000028", "a_b=c-d.e", "..a", "a/.b"}) {
    EXPECT_TRUE(object_name_valid(name)) << name;
  }
  for (const char* name :
       {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "a/./b", "a b", "a:b", "a\\b", "a%2f"}) {
    EXPECT_FALSE(object_name_valid(name)) << name;
  }
  EXPECT_FALSE(object_name_valid(std::string_view("a\0b", 3)));
  EXPECT_TRUE(object_name_valid(std::string(1000, 'a')));
  EXPECT_FALSE(object_name_valid(std::string(1001, 'a')));
}

TEST(Crc32c, MatchesItsPublishedCheckValue) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xE3069283U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Hasher128, AgreesWithTheHashInOnePiece) {
  Bytes content(100'000);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<Byte>(i * 31);
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{42}}) {
    Hasher128 hasher(seed);
    hasher.update(ByteView(content).first(1));
    hasher.update(ByteView(content).subspan(1));
    EXPECT_EQ(hasher.digest(), xxh3_128(content, seed));
    hasher.reset();
    EXPECT_EQ(hasher.digest(), xxh3_128({}, seed));
  }
  EXPECT_NE(xxh3_128(content, 0), xxh3_128(content, 1));
  EXPECT_EQ(xxh3_128({}).to_string(), "99aa06d3014798d86001c324468d497f");  // xxHash's own value for no input
}

}  // namespace

}  // namespace tidemark
