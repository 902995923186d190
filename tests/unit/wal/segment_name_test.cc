#include "wal/segment_name.h"

#include <gtest/gtest.h>

namespace tidemark::wal {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20;

SegmentSize size_of(std::uint64_t megabytes) {
  return SegmentSize::from_bytes(megabytes * kMegabyte).value();
}

TEST(SegmentSize, AcceptsPowersOfTwoFromOneMegabyteToOneGigabyte) {
  for (std::uint64_t bytes = kMegabyte; bytes <= 1024 * kMegabyte; bytes *= 2) {
    ASSERT_TRUE(SegmentSize::from_bytes(bytes)) << bytes;
    EXPECT_EQ(SegmentSize::from_bytes(bytes)->bytes(), bytes);
    EXPECT_EQ(SegmentSize::from_bytes(bytes)->per_log() * bytes, 1ULL << 32);
  }
}

TEST(SegmentSize, RejectsEverythingElse) {
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1}, kMegabyte / 2, 3 * kMegabyte,
                                    16 * kMegabyte + 1, 2048 * kMegabyte, std::uint64_t{1} << 40}) {
    EXPECT_FALSE(SegmentSize::from_bytes(bytes)) << bytes;
  }
}

struct NameCase {
  std::uint64_t megabytes;
  std::uint32_t timeline;
  std::uint64_t segment;
  const char* name;
};

TEST(SegmentName, RendersAndParsesForEverySize) {
  const NameCase cases[] = {
      {16, 1, 1, "000000010000000000000001"},
      {16, 1, 0xFF, "0000000100000000000000FF"},
      {16, 1, 0x100, "000000010000000100000000"},
      {16, 0xABCDEF01, 0xAFE, "ABCDEF010000000A000000FE"},
      {1, 2, 0xFFF, "000000020000000000000FFF"},
      {1, 2, 0x1000, "000000020000000100000000"},
      {64, 1, 0x3F, "00000001000000000000003F"},
      {64, 1, 0x40, "000000010000000100000000"},
      {1024, 3, 7, "000000030000000100000003"},
      {16, 1, 0xFFFF'FFFFFFULL, "00000001FFFFFFFF000000FF"},
      {1, 0xFFFFFFFF, 0xFFFFFFFF'FFFULL, "FFFFFFFFFFFFFFFF00000FFF"},
  };
  for (const NameCase& c : cases) {
    EXPECT_EQ(segment_file_name(TimelineId(c.timeline), SegmentNo(c.segment), size_of(c.megabytes)), c.name);
    const auto parsed = parse_segment_file_name(c.name, size_of(c.megabytes));
    ASSERT_TRUE(parsed) << c.name;
    EXPECT_EQ(*parsed, (SegmentFile{TimelineId(c.timeline), SegmentNo(c.segment)})) << c.name;
  }
}

TEST(SegmentName, RejectsLowerCaseHexAndOtherShapes) {
  for (const char* name :
       {"", "00000001000000000000000", "0000000100000000000000011", "00000001000000000000000a",
        "0000000100000000 0000001", "+00000010000000000000001", "0x0000010000000000000001",
        "000000010000000G00000001", "000000000000000000000001"}) {
    EXPECT_FALSE(parse_segment_file_name(name, SegmentSize())) << name;
  }
}

TEST(SegmentName, RejectsSegmentsThatTheSizeDoesNotHave) {
  EXPECT_TRUE(parse_segment_file_name("0000000100000000000000FF", size_of(16)));
  EXPECT_FALSE(parse_segment_file_name("000000010000000000000100", size_of(16)));
  EXPECT_TRUE(parse_segment_file_name("000000010000000000000100", size_of(1)));
  EXPECT_FALSE(parse_segment_file_name("000000010000000000001000", size_of(1)));
  EXPECT_FALSE(parse_segment_file_name("000000010000000000000004", size_of(1024)));
}

TEST(SegmentNo, AnEndOnABoundaryBelongsToTheSegmentBefore) {
  for (const std::uint64_t megabytes : {1, 16, 64, 1024}) {
    const SegmentSize size = size_of(megabytes);
    const Lsn boundary(5ULL * size.bytes());
    EXPECT_EQ(segment_of_start(boundary, size), SegmentNo(5));
    EXPECT_EQ(segment_of_start(boundary - 1, size), SegmentNo(4));
    EXPECT_EQ(segment_of_end(boundary, size), SegmentNo(4));
    EXPECT_EQ(segment_of_end(boundary + 1, size), SegmentNo(5));
    EXPECT_EQ(SegmentNo(5).start(size), boundary);
    EXPECT_EQ(SegmentNo(4).end(size), boundary);
    EXPECT_EQ(SegmentNo(4).next(), SegmentNo(5));
  }
}

TEST(ArchivableName, KnowsTheFourShapes) {
  const auto segment = parse_archivable_name("000000010000000A000000FE", SegmentSize());
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->kind, ArchivableKind::segment);
  EXPECT_EQ(segment->segment, SegmentNo(0xAFE));
  const auto partial = parse_archivable_name("000000020000000A000000FE.partial", SegmentSize());
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->kind, ArchivableKind::partial);
  EXPECT_EQ(partial->timeline, TimelineId(2));
  const auto history = parse_archivable_name("0000000A.history", SegmentSize());
  ASSERT_TRUE(history);
  EXPECT_EQ(history->kind, ArchivableKind::history);
  EXPECT_EQ(history->timeline, TimelineId(10));
  EXPECT_EQ(history_file_name(TimelineId(10)), "0000000A.history");
  const auto backup = parse_archivable_name("000000010000000A000000FE.00FFFFF8.backup", SegmentSize());
  ASSERT_TRUE(backup);
  EXPECT_EQ(backup->kind, ArchivableKind::backup_history);
  EXPECT_EQ(backup->backup_offset, 0x00FFFFF8U);
}

TEST(ArchivableName, RefusesEverythingElse) {
  for (const char* name : {"",
                           "00000000.history",
                           "0000000a.history",
                           "1.history",
                           "00000001.history.tmp",
                           "00000001.History",
                           "000000010000000A000000FE.PARTIAL",
                           "000000010000000A000000FE.part",
                           "000000010000000A000000FE.partial.gz",
                           "000000010000000A000000FE.01000000.backup",
                           "000000010000000A000000FE.0000028.backup",
                           "000000010000000A000000FE.0000002a.backup",
                           "000000010000000A000000FE-00000028.backup",
                           "000000010000000A000000FE.00000028.backup.gz",
                           "000000010000000A00000100",
                           "RECOVERYXLOG",
                           "../etc/passwd",
                           "000000010000000A000000FE/",
                           "archive_status",
                           "000000010000000A000000FE.00000028"}) {
    EXPECT_FALSE(parse_archivable_name(name, SegmentSize())) << name;
  }
  EXPECT_FALSE(parse_archivable_name(std::string_view("00000001.history\0", 17), SegmentSize()));
}

}  // namespace
}  // namespace tidemark::wal
