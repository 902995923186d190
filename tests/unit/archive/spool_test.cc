#include "archive/spool.h"

#include <gtest/gtest.h>

#include "disk/directory_walk.h"
#include "disk/fault_ops.h"
#include "disk/file_reader.h"
#include "harness/temporary_folder.h"
#include "tidemark/error.h"
#include "unit/archive/archiving.h"

namespace tidemark::archive {
namespace {

using test::kSmallSegment;
using test::kSystem;

constexpr std::uint64_t kMiB = 1U << 20;
const Lsn kStart(16 * kMiB);
const TimelineId kOne(1);

class SpoolTest : public testing::Test {
 protected:
  Spool open(disk::DurableOps& ops = disk::real_ops()) {
    return {folder.path() / "spool", kSystem, kOne, kSmallSegment, ops};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : disk::list_folder(folder.path() / "spool")) names.push_back(entry.name);
    return names;
  }
  Bytes content(const std::string& name) const {
    return disk::read_whole_file(folder.path() / "spool" / name);
  }

  harness::TemporaryFolder folder;
  const std::string first = "000000010000000000000010.spool";
  const std::string second = "000000010000000000000011.spool";
};

TEST_F(SpoolTest, FileHoldsHeaderAndBytesAtTheirPlace) {
  Spool spool = open();
  spool.write(kStart, Bytes(3000, 1));
  spool.write(kStart + 3000, Bytes(1000, 2));
  ASSERT_EQ(names(), std::vector<std::string>{first});
  const Bytes file = content(first);
  const auto header = parse_spool_header(file);
  ASSERT_TRUE(header);
  EXPECT_EQ(*header, (SpoolHeader{kSystem, kOne, wal::SegmentNo(16), kSmallSegment}));
  ASSERT_EQ(file.size(), kSpoolHeaderBytes + kMiB);
  EXPECT_EQ(file[kSpoolHeaderBytes + 2999], 1);
  EXPECT_EQ(file[kSpoolHeaderBytes + 3000], 2);
  EXPECT_EQ(file[kSpoolHeaderBytes + 4000], 0);
}

TEST_F(SpoolTest, HeaderThatWasNotWrittenWholeIsNone) {
  Bytes header = render_spool_header({kSystem, kOne, wal::SegmentNo(16), kSmallSegment});
  EXPECT_TRUE(parse_spool_header(header));
  header[20] ^= 1;
  EXPECT_FALSE(parse_spool_header(header));
  EXPECT_FALSE(parse_spool_header(Bytes(kSpoolHeaderBytes)));
  EXPECT_FALSE(parse_spool_header(Bytes(100)));
}

TEST_F(SpoolTest, RemovesSegmentsThatAreDurableWhole) {
  Spool spool = open();
  spool.write(kStart, Bytes(kMiB, 1));
  spool.write(kStart + kMiB, Bytes(100, 2));
  spool.remove_below(kStart + kMiB - 1);
  EXPECT_EQ(names().size(), 2U);
  spool.remove_below(kStart + kMiB + 100);
  EXPECT_EQ(names(), std::vector<std::string>{second});
  spool.remove_all();
  EXPECT_TRUE(names().empty());
}

TEST_F(SpoolTest, SameBytesGoOverWhatACrashLeft) {
  { open().write(kStart, Bytes(3000, 1)); }
  Spool spool = open();
  spool.write(kStart, Bytes(2000, 1));
  spool.write(kStart + 2000, Bytes(2000, 1));
  EXPECT_EQ(names(), std::vector<std::string>{first});
  EXPECT_EQ(content(first)[kSpoolHeaderBytes + 3999], 1);
}

TEST_F(SpoolTest, DifferentBytesKeepWhatACrashLeft) {
  { open().write(kStart, Bytes(3000, 1)); }
  Spool spool = open();
  spool.write(kStart, Bytes(2000, 9));
  ASSERT_EQ(names().size(), 2U);
  EXPECT_EQ(names()[0], first);
  EXPECT_NE(names()[1].find(".differs-"), std::string::npos);
  EXPECT_EQ(content(names()[1])[kSpoolHeaderBytes + 2999], 1);
  EXPECT_EQ(content(first)[kSpoolHeaderBytes], 9);
}

TEST_F(SpoolTest, DifferenceInTheMiddleAsksForTheBeginningAgain) {
  { open().write(kStart, Bytes(3000, 1)); }
  Spool spool = open();
  spool.write(kStart, Bytes(2000, 1));
  EXPECT_THROW(spool.write(kStart + 2000, Bytes(2000, 9)), Error);
  EXPECT_EQ(names().size(), 1U);
  spool.write(kStart, Bytes(2000, 1));
  spool.write(kStart + 2000, Bytes(2000, 9));
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(SpoolTest, LeftoverOfASegmentDurableMeanwhileGoes) {
  { open().write(kStart, Bytes(3000, 1)); }
  Spool spool = open();
  spool.remove_below(kStart + kMiB);
  EXPECT_TRUE(names().empty());
}

TEST_F(SpoolTest, WrittenBytesSurviveEveryPowerCut) {
  std::filesystem::create_directory(folder.path() / "disk");
  disk::FaultOps counting(folder.path() / "disk");
  const auto work = [&](disk::DurableOps& ops, Lsn& promised) {
    Spool spool(folder.path() / "disk" / "spool", kSystem, kOne, kSmallSegment, ops);
    for (int i = 0; i < 3; ++i) {
      const Lsn at = kStart + static_cast<std::uint64_t>(i) * 1000;
      spool.write(at, Bytes(1000, static_cast<Byte>(i + 1)));
      promised = at + 1000;
    }
  };
  Lsn promised = kStart;
  work(counting, promised);
  const std::size_t steps = counting.steps();
  ASSERT_GT(steps, 6U);
  for (std::size_t step = 1; step <= steps; ++step) {
    std::filesystem::remove_all(folder.path() / "disk");
    std::filesystem::create_directory(folder.path() / "disk");
    disk::FaultOps ops(folder.path() / "disk");
    ops.cut_at(step);
    promised = kStart;
    try {
      work(ops, promised);
    } catch (const disk::PowerCut&) {
    }
    ops.lose_unsynced();
    if (promised == kStart) continue;
    const Bytes file = disk::read_whole_file(folder.path() / "disk" / "spool" / first);
    ASSERT_TRUE(parse_spool_header(file)) << step;
    for (Lsn at = kStart; at < promised; at += 1000) {
      const auto offset = kSpoolHeaderBytes + (at - kStart);
      EXPECT_EQ(file[offset + 999], (at - kStart) / 1000 + 1) << step;
    }
  }
}

}  // namespace
}  // namespace tidemark::archive
