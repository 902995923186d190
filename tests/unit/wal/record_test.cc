#include "wal/record.h"

#include <gtest/gtest.h>

#include "harness/wal_writer.h"
#include "tidemark/error.h"

namespace tidemark::wal {
namespace {

using test::WalWriter;
using test::WalWriterOptions;

const Instant kTime = Instant::from_unix(1'800'000'000'123'456);

const VersionTraits& version(int major) { return *version_of_major(major); }

// A view of a record that lies within the writer's first page.
RecordView view(const WalWriter& writer, const test::WrittenRecord& written) {
  const ByteView bytes = writer.from(written.start);
  RecordView record;
  record.start = written.start;
  record.end = written.end;
  record.xid = load_le<std::uint32_t>(&bytes[4]);
  record.info = bytes[16];
  record.rmid = bytes[17];
  record.bytes = bytes.first(load_le<std::uint32_t>(&bytes[0]));
  return record;
}

// A record whose fragments are given byte by byte.
RecordParts parts_of(const Bytes& body, int major) {
  WalWriter writer;
  const auto written = writer.record(10, 0, 7, body);
  RecordParts parts = parse_record_parts(view(writer, written), version(major));
  // The caller sees the main data only through its size: the writer is gone.
  return parts;
}

TEST(Record, AnInsertHasABlockAndMainData) {
  for (const VersionTraits& traits : all_versions()) {
    WalWriter writer({.major = traits.major});
    for (const bool image : {false, true}) {
      const auto written = writer.insert(9, 16384, 77, 30, image);
      const RecordParts parts = parse_record_parts(view(writer, written), traits);
      ASSERT_EQ(parts.blocks.size(), 1U);
      EXPECT_EQ(parts.blocks[0].tablespace, 1663U);
      EXPECT_EQ(parts.blocks[0].database, 5U);
      EXPECT_EQ(parts.blocks[0].relation, 16384U);
      EXPECT_EQ(parts.blocks[0].block, 77U);
      EXPECT_EQ(parts.blocks[0].fork, 0);
      EXPECT_EQ(parts.blocks[0].has_image, image);
      EXPECT_EQ(parts.blocks[0].image_applies, image);
      EXPECT_EQ(parts.main_data.size(), 3U);
      EXPECT_EQ(parts.main_data.data(), parse_main_data(view(writer, written), traits).data());
    }
  }
}

TEST(Record, OriginAndTopLevelXidPrecedeTheMainData) {
  const Bytes body = {253, 0x34, 0x12, 252, 0x78, 0x56, 0x34, 0x12, 255, 2, 0xAA, 0xBB};
  const RecordParts parts = parts_of(body, 15);
  EXPECT_EQ(parts.origin, 0x1234);
  EXPECT_EQ(parts.top_level_xid, 0x12345678U);
  EXPECT_EQ(parts.main_data.size(), 2U);
  EXPECT_THROW(parts_of(body, 13), Error);  // 13 knows no top-level xid
}

TEST(Record, ABlockCanShareTheRelationOfTheOneBefore) {
  const Bytes first = {0, 0x20, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0};
  const Bytes second = {1, 0x82, 0, 0, 9, 0, 0, 0};
  Bytes body = first;
  body.insert(body.end(), second.begin(), second.end());
  body.push_back(0xEE);  // the first block's data
  const RecordParts parts = parts_of(body, 15);
  ASSERT_EQ(parts.blocks.size(), 2U);
  EXPECT_EQ(parts.blocks[1].relation, 3U);
  EXPECT_EQ(parts.blocks[1].fork, 2);
  EXPECT_EQ(parts.blocks[1].block, 9U);
  EXPECT_TRUE(parts.main_data.empty());
  Bytes alone = second;
  EXPECT_THROW(parts_of(alone, 15), Error);
  Bytes twice = first;
  twice.insert(twice.end(), first.begin(), first.end());
  twice.insert(twice.end(), {0xEE, 0xEE});
  EXPECT_THROW(parts_of(twice, 15), Error);  // ids must rise
}

TEST(Record, ACompressedImageWithAHoleHasTwoMoreBytes) {
  // flags, no data; image of 3 bytes, hole at 16
  const auto body = [](Byte image_info, bool hole_length) {
    Bytes bytes = {0, 0x10, 0, 0, 3, 0, 16, 0, image_info};
    if (hole_length) bytes.insert(bytes.end(), {100, 0});
    bytes.insert(bytes.end(), {1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0});
    bytes.insert(bytes.end(), {0xA, 0xB, 0xC});
    return bytes;
  };
  EXPECT_EQ(parts_of(body(0x03, true), 14).blocks.at(0).block, 4U);   // hole, pglz
  EXPECT_EQ(parts_of(body(0x03, false), 15).blocks.at(0).block, 4U);  // hole, applied
  for (const int method : {0x04, 0x08, 0x10}) {
    const RecordParts parts = parts_of(body(static_cast<Byte>(0x03 | method), true), 15);
    EXPECT_EQ(parts.blocks.at(0).block, 4U);
    EXPECT_TRUE(parts.blocks.at(0).image_applies);
  }
  EXPECT_FALSE(parts_of(body(0x05, true), 15).blocks.at(0).image_applies);
  EXPECT_TRUE(parts_of(body(0x05, false), 14).blocks.at(0).image_applies);
}

TEST(Record, RefusesPartsThatDoNotAddUp) {
  for (const Bytes& body :
       {Bytes{255, 3, 1, 2}, Bytes{255, 1, 1, 2}, Bytes{254, 0xFF, 0xFF, 0xFF, 0xFF, 1}, Bytes{200, 1},
        Bytes{253, 1}, Bytes{0, 0x20, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0},
        Bytes{0, 0x00, 5, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4, 5}}) {
    EXPECT_THROW(parts_of(body, 15), Error) << to_hex(body);
  }
}

TEST(TransactionEnd, MinimalCommitHasThirtyFourBytes) {
  WalWriter writer;
  const auto written = writer.commit(42, kTime);
  EXPECT_EQ(view(writer, written).bytes.size(), 34U);
  const auto end = parse_transaction_end(view(writer, written), version(15));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->kind, EndKind::commit);
  EXPECT_EQ(end->time, kTime);
  EXPECT_EQ(end->xid, 42U);
}

TEST(TransactionEnd, PreparedFormsTakeTheirXidFromTheRecord) {
  for (const VersionTraits& traits : all_versions()) {
    WalWriter writer({.major = traits.major});
    const auto commit =
        parse_transaction_end(view(writer, writer.commit_prepared(77, kTime, "a gid")), traits);
    ASSERT_TRUE(commit);
    EXPECT_EQ(commit->kind, EndKind::commit_prepared);
    EXPECT_EQ(commit->xid, 77U);
    EXPECT_EQ(commit->gid, "a gid");
    const auto abort = parse_transaction_end(view(writer, writer.abort_prepared(78, kTime, "")), traits);
    ASSERT_TRUE(abort);
    EXPECT_EQ(abort->kind, EndKind::abort_prepared);
    EXPECT_EQ(abort->xid, 78U);
    EXPECT_EQ(abort->gid, "");
  }
}

TEST(TransactionEnd, ReadsPastEveryOptionalPart) {
  for (const VersionTraits& traits : all_versions()) {
    WalWriter writer({.major = traits.major});
    const auto end = parse_transaction_end(view(writer, writer.full_commit(42, kTime)), traits);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->time, kTime);
    EXPECT_EQ(end->xid, 42U);
    EXPECT_EQ(end->subtransactions, 3U);
  }
}

TEST(TransactionEnd, DroppedStatisticsAreLargerIn18) {
  // time, xinfo = DROPPED_STATS | TWOPHASE, one item, xid: only the right item size finds the xid.
  for (const int major : {15, 17, 18}) {
    Bytes data(8);
    ByteWriter writer(data);
    writer.fixed<std::uint32_t>(0x110);
    writer.fixed<std::uint32_t>(1);
    writer.bytes(Bytes(major == 18 ? 16 : 12, 0xEE));
    writer.fixed<std::uint32_t>(4711);
    WalWriter wal({.major = major});
    const auto written = wal.main_data_record(kTransactionRecords, 0xB0, 0, data);
    EXPECT_EQ(parse_transaction_end(view(wal, written), version(major))->xid, 4711U);
  }
}

TEST(TransactionEnd, IsNothingForOtherRecords) {
  WalWriter writer;
  EXPECT_FALSE(parse_transaction_end(view(writer, writer.insert(1, 2, 3, 4)), version(15)));
  EXPECT_FALSE(parse_transaction_end(view(writer, writer.prepare(1, kTime, "g")), version(15)));
  EXPECT_FALSE(
      parse_transaction_end(view(writer, writer.main_data_record(1, 0x50, 1, Bytes(8))), version(15)));
  EXPECT_FALSE(
      parse_transaction_end(view(writer, writer.main_data_record(1, 0x60, 1, Bytes(8))), version(15)));
}

TEST(TransactionEnd, RefusesPartsThatAreCutOff) {
  WalWriter writer;
  EXPECT_THROW(
      parse_transaction_end(view(writer, writer.main_data_record(1, 0x00, 1, Bytes(7))), version(15)), Error);
  Bytes data(8);
  ByteWriter more(data);
  more.fixed<std::uint32_t>(0x02);
  more.fixed<std::uint32_t>(0xFFFFFFFF);
  EXPECT_THROW(parse_transaction_end(view(writer, writer.main_data_record(1, 0x80, 1, data)), version(15)),
               Error);
}

TEST(Prepare, HasTimeXidAndGid) {
  for (const VersionTraits& traits : all_versions()) {
    WalWriter writer({.major = traits.major});
    const auto prepare = parse_prepare(view(writer, writer.prepare(9, kTime, "order 66")), traits);
    ASSERT_TRUE(prepare);
    EXPECT_EQ(prepare->gid, "order 66");
    EXPECT_EQ(prepare->xid, 9U);
    EXPECT_EQ(prepare->time, kTime);
    EXPECT_FALSE(parse_prepare(view(writer, writer.commit(9, kTime)), traits));
  }
}

}  // namespace
}  // namespace tidemark::wal
