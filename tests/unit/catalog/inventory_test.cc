#include "catalog/inventory.h"

#include <gtest/gtest.h>

#include "catalog/branch.h"
#include "samples.h"

namespace tidemark::catalog {
namespace {

const TimelineId kOne(1), kTwo(2), kThree(3);

WalStretch stretch(TimelineId timeline, std::uint64_t start, std::uint64_t end,
                   std::optional<Instant> latest = {}) {
  return {timeline, Lsn(start), Lsn(end), latest, latest, true, 1};
}

BackupHeader backup(int number, TimelineId timeline, std::uint64_t start, std::uint64_t stop,
                    Instant finished) {
  BackupHeader header = sample_header(number);
  header.timeline = timeline;
  header.start = Lsn(start);
  header.backup_end = Lsn(stop - 0x28);
  header.stop = Lsn(stop);
  header.finished = finished;
  return header;
}

Inventory with_fork(std::uint64_t switch_point) {
  Inventory inventory;
  inventory.histories.emplace(
      kTwo, wal::TimelineHistory::parse(kTwo, "1\t" + Lsn(switch_point).to_string() + "\tfork\n"));
  return inventory;
}

TEST(ContiguousEnd, RunsOverRowsThatTouch) {
  Inventory inventory;
  inventory.wal = {stretch(kOne, 100, 200), stretch(kOne, 200, 300), stretch(kOne, 400, 500),
                   stretch(kTwo, 300, 350)};
  EXPECT_EQ(contiguous_end(inventory, kOne, Lsn(150)), Lsn(300));
  EXPECT_EQ(contiguous_end(inventory, kOne, Lsn(100)), Lsn(300));
  EXPECT_EQ(contiguous_end(inventory, kOne, Lsn(300)), Lsn(300));
  EXPECT_EQ(contiguous_end(inventory, kOne, Lsn(400)), Lsn(500));
  EXPECT_EQ(contiguous_end(inventory, kOne, Lsn(50)), Lsn(50));
  EXPECT_EQ(contiguous_end(inventory, kThree, Lsn(100)), Lsn(100));
}

TEST(ContiguousEnd, ATimelineEndsWhereItsChildBegins) {
  Inventory inventory = with_fork(250);
  inventory.wal = {stretch(kOne, 100, 300), stretch(kTwo, 240, 280)};
  EXPECT_EQ(contiguous_end(inventory, kOne, Lsn(100)), Lsn(300));
  EXPECT_EQ(contiguous_end(inventory, *history_of(inventory, kTwo), Lsn(100)), Lsn(280));
}

TEST(ContiguousEnd, AChildsCopyStandsInForItsParent) {
  Inventory inventory = with_fork(250);
  inventory.wal = {stretch(kOne, 100, 240),
                   stretch(kTwo, 240, 280)};  // the parent's last segment was never archived
  EXPECT_EQ(contiguous_end(inventory, *history_of(inventory, kTwo), Lsn(100)), Lsn(280));
  inventory.wal = {stretch(kOne, 100, 230), stretch(kTwo, 240, 280)};
  EXPECT_EQ(contiguous_end(inventory, *history_of(inventory, kTwo), Lsn(100)), Lsn(230));
}

TEST(ContiguousEnd, ASwitchOnASegmentBoundaryNeedsNoCopy) {
  Inventory inventory = with_fork(250);
  inventory.wal = {stretch(kOne, 100, 250), stretch(kTwo, 250, 280)};
  EXPECT_EQ(contiguous_end(inventory, *history_of(inventory, kTwo), Lsn(100)), Lsn(280));
}

TEST(HistoryOf, OnlyTheFirstTimelineNeedsNone) {
  Inventory inventory;
  ASSERT_NE(history_of(inventory, kOne), nullptr);
  EXPECT_TRUE(history_of(inventory, kOne)->ancestors().empty());
  EXPECT_EQ(history_of(inventory, kTwo), nullptr);
}

TEST(WithoutPageHeader, TakesOffOnlyHeaders) {
  const wal::SegmentSize size;
  EXPECT_EQ(without_page_header(Lsn(0x3000028), size), Lsn(0x3000000));
  EXPECT_EQ(without_page_header(Lsn(0x3002018), size), Lsn(0x3002000));
  EXPECT_EQ(without_page_header(Lsn(0x3002028), size), Lsn(0x3002028));
  EXPECT_EQ(without_page_header(Lsn(0x3000060), size), Lsn(0x3000060));
}

TEST(RecoveryWindows, BeginAtABackupAndRunToTheLastTransaction) {
  Inventory inventory;
  inventory.wal = {stretch(kOne, 100, 1000, at(10)), stretch(kOne, 1000, 2000, at(20))};
  inventory.backups = {backup(1, kOne, 200, 300, at(5)), backup(2, kOne, 1100, 1200, at(15))};
  const auto windows = recovery_windows(inventory);
  ASSERT_EQ(windows.size(), 1U);
  EXPECT_EQ(windows[0],
            (RecoveryWindow{kOne, at(5), at(20), Lsn(300), Lsn(2000), WindowEnd::commit, backup_id(1)}));
}

TEST(RecoveryWindows, AnIdleProofExtendsThem) {
  Inventory inventory;
  inventory.wal = {stretch(kOne, 100, 2000, at(20))};
  inventory.backups = {backup(1, kOne, 200, 300, at(5))};
  inventory.idle_proofs = {{at(90), Lsn(1990), kOne},
                           {at(99), Lsn(2001), kOne}};  // the second is not archived yet
  const auto windows = recovery_windows(inventory);
  ASSERT_EQ(windows.size(), 1U);
  EXPECT_EQ(windows[0].to, at(90));
  EXPECT_EQ(windows[0].to_basis, WindowEnd::idle);
}

TEST(RecoveryWindows, AnIdleProofBehindAPageHeaderHolds) {
  Inventory inventory;
  inventory.wal = {stretch(kOne, 0x2000000, 0x3000000, at(20))};
  inventory.backups = {backup(1, kOne, 0x2000100, 0x2000200, at(5))};
  inventory.idle_proofs = {{at(90), Lsn(0x3000028), kOne}};
  EXPECT_EQ(recovery_windows(inventory).at(0).to, at(90));
}

TEST(RecoveryWindows, AGapEndsOneAndTheNextBackupOpensAnother) {
  Inventory inventory;
  inventory.wal = {stretch(kOne, 100, 1000, at(10)), stretch(kOne, 1500, 2000, at(20)),
                   stretch(kOne, 2000, 3000, at(30))};
  inventory.backups = {backup(1, kOne, 200, 300, at(5)), backup(2, kOne, 2100, 2200, at(25))};
  const auto windows = recovery_windows(inventory);
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_EQ(windows[0].to, at(10));
  EXPECT_EQ(windows[0].to_lsn, Lsn(1000));
  EXPECT_EQ(windows[1].from, at(25));
  EXPECT_EQ(windows[1].to, at(30));
}

TEST(RecoveryWindows, ABackupWhoseOwnWalIsBrokenOpensNone) {
  Inventory inventory;
  inventory.wal = {stretch(kOne, 100, 250, at(10)), stretch(kOne, 260, 2000, at(20))};
  inventory.backups = {backup(1, kOne, 200, 300, at(5))};
  EXPECT_TRUE(recovery_windows(inventory).empty());
}

TEST(RecoveryWindows, ALinearFailoverIsOneWindow) {
  Inventory inventory = with_fork(1000);
  inventory.wal = {stretch(kOne, 100, 1000, at(10)), stretch(kTwo, 900, 2000, at(20))};
  inventory.backups = {backup(1, kOne, 200, 300, at(5))};
  const auto windows = recovery_windows(inventory);
  ASSERT_EQ(windows.size(), 1U);
  EXPECT_EQ(windows[0].timeline, kTwo);
  EXPECT_EQ(windows[0].to, at(20));
}

TEST(RecoveryWindows, AnAbandonedEndOfTheParentIsItsOwn) {
  Inventory inventory = with_fork(1000);
  inventory.wal = {stretch(kOne, 100, 1400, at(14)), stretch(kTwo, 900, 2000, at(20))};
  inventory.backups = {backup(1, kOne, 200, 300, at(5))};
  const auto windows = recovery_windows(inventory);
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_EQ(windows[0].timeline, kOne);
  EXPECT_EQ(windows[0].to, at(14));
  EXPECT_EQ(windows[1].timeline, kTwo);
  EXPECT_EQ(windows[1].to_lsn, Lsn(2000));
}

TEST(RecoveryWindows, HalfARecordBehindTheSwitchIsNoBranch) {
  Inventory inventory = with_fork(1000);
  inventory.wal = {stretch(kOne, 100, 1040, at(14)), stretch(kTwo, 900, 2000, at(20))};
  inventory.tails[kOne] = {Lsn(960), Lsn(1000), at(14)};
  inventory.backups = {backup(1, kOne, 200, 300, at(5))};
  EXPECT_EQ(branches(inventory), std::vector{kTwo});
  EXPECT_EQ(recovery_windows(inventory).size(), 1U);
}

TEST(RecoveryWindows, ABackupOnTheAbandonedBranchDoesNotCountElsewhere) {
  Inventory inventory = with_fork(1000);
  inventory.wal = {stretch(kOne, 100, 1400, at(14)), stretch(kTwo, 900, 2000, at(20))};
  inventory.backups = {backup(1, kOne, 1100, 1200, at(12))};
  const auto windows = recovery_windows(inventory);
  ASSERT_EQ(windows.size(), 1U);
  EXPECT_EQ(windows[0].timeline, kOne);
}

TEST(Leaves, AreTimelinesThatNobodyDescendsFrom) {
  Inventory inventory = with_fork(1000);
  inventory.histories.emplace(kThree, wal::TimelineHistory::parse(kThree, "1\t0/320\tdrill\n"));
  inventory.wal = {stretch(kOne, 100, 1400), stretch(kTwo, 900, 2000), stretch(kThree, 700, 900)};
  EXPECT_EQ(branches(inventory), (std::vector{kOne, kTwo, kThree}));
  EXPECT_EQ(leaves(inventory), (std::vector{kTwo, kThree}));
}

TEST(Gaps, AreHolesBetweenStretches) {
  Inventory inventory;
  inventory.wal = {stretch(kOne, 100, 200), stretch(kOne, 200, 300), stretch(kOne, 400, 500),
                   stretch(kOne, 600, 700)};
  inventory.acknowledged_gaps = {{kOne, Lsn(300), Lsn(400)}};
  EXPECT_EQ(gaps(inventory),
            (std::vector<Gap>{{kOne, Lsn(300), Lsn(400), true}, {kOne, Lsn(500), Lsn(600), false}}));
}

TEST(Gaps, AnAcknowledgementOfLessDoesNotCover) {
  Inventory inventory;
  inventory.wal = {stretch(kOne, 100, 200), stretch(kOne, 400, 500)};
  inventory.acknowledged_gaps = {{kOne, Lsn(200), Lsn(399)}, {kTwo, Lsn(200), Lsn(400)}};
  EXPECT_FALSE(gaps(inventory).at(0).acknowledged);
}

TEST(Gaps, AreSeenAtASwitch) {
  Inventory inventory = with_fork(1000);
  inventory.wal = {stretch(kOne, 100, 800), stretch(kTwo, 900, 2000)};
  EXPECT_EQ(gaps(inventory), (std::vector<Gap>{{kOne, Lsn(800), Lsn(900), false}}));
  inventory.wal = {stretch(kOne, 100, 1000), stretch(kTwo, 1100, 2000)};
  EXPECT_EQ(gaps(inventory), (std::vector<Gap>{{kTwo, Lsn(1000), Lsn(1100), false}}));
  inventory.wal = {stretch(kOne, 100, 1200),
                   stretch(kTwo, 1100, 2000)};  // the parent's own end is another branch
  EXPECT_EQ(gaps(inventory), (std::vector<Gap>{{kTwo, Lsn(1000), Lsn(1100), false}}));
  inventory.wal = {stretch(kOne, 100, 900), stretch(kTwo, 900, 2000)};
  EXPECT_TRUE(gaps(inventory).empty());
  inventory.wal = {stretch(kTwo, 1100, 2000)};  // archiving began there
  EXPECT_TRUE(gaps(inventory).empty());
}

}  // namespace
}  // namespace tidemark::catalog
