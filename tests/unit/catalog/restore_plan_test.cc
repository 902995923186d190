// The contract for "exact", scenario by scenario (design.md; postgres-notes 2, 8).
#include "catalog/restore_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_world.h"

namespace tidemark::catalog {
namespace {

using testing::HasSubstr;

const TimelineId kOne(1), kTwo(2);
constexpr std::uint64_t kSegment = 16U << 20;

TEST(Plan, StopsBeforeTheFirstTransactionStampedLater) {
  World world;
  const BackupHeader backup = world.backup(1, 0, 10);
  const auto kept = world.commit(20, 700);
  const auto dropped = world.commit(30, 701);
  world.archive_all();
  const RestorePlan plan = world.plan(to_time(25));
  EXPECT_EQ(plan.stop, (StopPoint{dropped.start, false, StopReason::stopper}));
  EXPECT_EQ(plan.last_kept->start, kept.start);
  EXPECT_EQ(plan.first_dropped->xid, 701U);
  EXPECT_EQ(plan.backup.id, backup.id);
  EXPECT_EQ(plan.timeline, kOne);
  EXPECT_EQ(plan.wal_from, backup.start);
  EXPECT_EQ(plan.wal_to, dropped.end);
  EXPECT_EQ(plan.transactions, 1U);
  EXPECT_EQ(plan.skipped_older, 0U);
  EXPECT_EQ(plan.resolved_time, at(25));
}

TEST(Plan, KeepsEveryCommitOfTheMicrosecondAsked) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  world.commit(20, 701);
  const auto dropped = world.commit(21, 702);
  world.archive_all();
  EXPECT_EQ(world.plan(to_time(20)).stop.lsn, dropped.start);
}

TEST(Plan, AnAbortStopsToo) {
  World world;
  world.backup(1, 0, 10);
  const auto abort = world.wal.add(ModelKind::abort, at(30), 700);
  world.commit(40, 701);
  world.archive_all();
  EXPECT_EQ(world.plan(to_time(25)).stop.lsn, abort.start);
}

TEST(Plan, PreparesNeverStop) {
  World world;
  world.backup(1, 0, 10);
  world.wal.add(ModelKind::prepare, at(30), 700);
  const auto stopper = world.wal.add(ModelKind::commit_prepared, at(40), 700);
  world.archive_all();
  EXPECT_EQ(world.plan(to_time(25)).stop.lsn, stopper.start);
}

TEST(Plan, CommitsStampedEarlierBehindTheStopAreCounted) {
  World world;
  world.backup(1, 0, 10);
  const auto stopper = world.commit(30, 700);
  world.commit(24, 701);
  world.wal.add(ModelKind::abort, at(24), 702);
  world.commit(23, 703);
  world.archive_all();
  const RestorePlan plan = world.plan(to_time(25));
  EXPECT_EQ(plan.stop.lsn, stopper.start);
  EXPECT_EQ(plan.skipped_older, 2U);
  EXPECT_EQ(plan.oldest_skipped, at(23));
}

TEST(Plan, AClockSetBackStopsInTheFirstPass) {
  World world;
  world.backup(1, 0, 10);
  world.commit(100, 700);
  const auto first = world.commit(3'600'000'000, 701);
  world.commit(200, 702);
  world.backup(2, 250, 300);
  world.commit(3'600'000'000, 703);
  world.archive_all();
  const RestorePlan plan = world.plan(to_time(280));
  EXPECT_EQ(plan.stop.lsn, first.start);
  EXPECT_EQ(plan.backup.id, world.inventory.backups[0].id);
}

TEST(Plan, WithoutAStopperTheLastWholeRecordIsReplayed) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  const auto prepare = world.wal.add(ModelKind::prepare, at(21), 701);
  world.wal.add(ModelKind::other, at(0), 0, 1000);
  archive(world.inventory, world.index, world.wal, world.wal.begin(), prepare.end + 500);
  const RestorePlan plan = world.plan(to_time(20));
  EXPECT_EQ(plan.stop, (StopPoint{prepare.start, true, StopReason::end_of_wal}));
  EXPECT_EQ(plan.last_kept->xid, 700U);
  EXPECT_FALSE(plan.first_dropped);
  EXPECT_FALSE(plan.idle_extended);
}

TEST(Plan, ATimeBehindTheLastTransactionNeedsAProof) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  world.archive_all();
  const Error error = refusal(world, to_time(30));
  EXPECT_EQ(error.code(), "target_after_window");
  EXPECT_THAT(error.message(), HasSubstr("no idle proof covers the time since"));
  EXPECT_THAT(error.hint(), HasSubstr("--to \"" + at(20).to_iso() + "\""));
  EXPECT_THAT(error.hint(), HasSubstr("--to latest"));
  world.inventory.idle_proofs.push_back({at(40), world.wal.end(), kOne});
  const RestorePlan plan = world.plan(to_time(30));
  EXPECT_EQ(plan.stop.reason, StopReason::end_of_wal);
  EXPECT_TRUE(plan.idle_extended);
  EXPECT_EQ(plan.proven_until, at(40));
  EXPECT_EQ(refusal(world, to_time(41)).code(), "target_after_window");
}

TEST(Plan, ATimeBeforeTheBackupsEndIsRefusedThoughNothingHappened) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  world.archive_all();
  const Error error = refusal(world, to_time(5));
  EXPECT_EQ(error.code(), "target_before_window");
  EXPECT_THAT(error.hint(), HasSubstr("--to \"" + at(10).to_iso() + "\""));
  EXPECT_EQ(world.plan(to_time(10)).stop.reason, StopReason::stopper);
}

TEST(Plan, AnIdleClusterStopsAtItsBackupsEnd) {
  World world;
  const BackupHeader backup = world.backup(1, 0, 10);
  archive(world.inventory, world.index, world.wal, world.wal.begin(), backup.stop);
  const RestorePlan plan = world.plan(to_time(10));
  EXPECT_EQ(plan.stop, (StopPoint{backup.backup_end, true, StopReason::end_of_wal}));
  EXPECT_FALSE(plan.last_kept);
}

TEST(Plan, AMomentInAGapNamesBothSides) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  const Lsn gap_from = world.wal.end();
  world.commit(30, 701);
  const Lsn gap_to = world.wal.end();
  world.backup(2, 40, 50);
  world.commit(60, 702);
  archive(world.inventory, world.index, world.wal, world.wal.begin(), gap_from);
  archive(world.inventory, world.index, world.wal, gap_to, world.wal.end());
  const Error error = refusal(world, to_time(35));
  EXPECT_EQ(error.code(), "target_in_gap");
  EXPECT_THAT(error.hint(), HasSubstr(at(20).to_iso()));
  EXPECT_THAT(error.hint(), HasSubstr(at(50).to_iso()));
  EXPECT_EQ(world.plan(to_time(20)).backup.id, world.inventory.backups[0].id);
  EXPECT_EQ(world.plan(to_time(55)).backup.id, world.inventory.backups[1].id);
}

TEST(Plan, TheNewestBackupThatIsConsistentInTimeIsChosen) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  ModelRecord inside;
  world.inventory.backups.push_back(
      take_backup(world.wal, 2, at(30), at(50), [&] { inside = world.commit(40, 701); }));
  world.commit(60, 702);
  world.archive_all();
  EXPECT_EQ(world.plan(to_time(35)).backup.id, world.inventory.backups[0].id);
  EXPECT_EQ(world.plan(to_time(35)).stop.lsn, inside.start);
  EXPECT_EQ(world.plan(to_time(45)).backup.id, world.inventory.backups[1].id);
}

TEST(Plan, ANamedBackupIsUsedOrRefused) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  world.inventory.backups.push_back(
      take_backup(world.wal, 2, at(30), at(50), [&] { world.commit(40, 701); }));
  world.commit(60, 702);
  world.archive_all();
  PlanRequest request = to_time(55);
  request.backup = world.inventory.backups[0].id;
  EXPECT_EQ(world.plan(request).backup.id, *request.backup);
  request = to_time(35);
  request.backup = world.inventory.backups[1].id;
  EXPECT_EQ(refusal(world, request).code(), "backup_too_new");
  request.backup = backup_id(99);
  EXPECT_EQ(refusal(world, request).code(), "backup_unknown");
}

TEST(Plan, ClocksNeverChooseABackup) {
  World world;
  world.backup(1, 1'000'000, 1'000'010);  // the clock was ahead
  world.commit(1'000'020, 700);
  world.backup(2, 30, 40);  // and was set back
  world.commit(50, 701);
  world.archive_all();
  const RestorePlan plan = world.plan(to("latest"));
  EXPECT_EQ(plan.backup.id, world.inventory.backups[1].id);
}

TEST(Plan, LatestSaysWhatAGapHides) {
  World world;
  world.backup(1, 0, 10);
  const auto last = world.commit(20, 700);
  world.commit(30, 701);
  archive(world.inventory, world.index, world.wal, world.wal.begin(), last.end);
  const Lsn resumed = world.wal.end();
  world.commit(40, 702);
  archive(world.inventory, world.index, world.wal, resumed, world.wal.end());
  const RestorePlan plan = world.plan(to("latest"));
  EXPECT_EQ(plan.stop.lsn, last.start);
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_THAT(plan.notes[0], HasSubstr("is missing"));
}

TEST(Plan, ImmediateStopsAtTheEndOfTheNewestBackup) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  const BackupHeader newest = world.backup(2, 30, 40);
  world.commit(50, 701);
  world.archive_all();
  const RestorePlan plan = world.plan(to("immediate"));
  EXPECT_EQ(plan.stop, (StopPoint{newest.backup_end, true, StopReason::immediate}));
  EXPECT_EQ(plan.last_kept->xid, 700U);
  EXPECT_EQ(plan.first_dropped->xid, 701U);
  EXPECT_EQ(plan.wal_to, newest.stop);
  PlanRequest request = to("immediate");
  request.backup = world.inventory.backups[0].id;
  EXPECT_EQ(world.plan(request).backup.id, world.inventory.backups[0].id);
}

TEST(Plan, WithoutBackupOrWalThereIsNothingToPlan) {
  World world;
  world.commit(5, 700);
  world.archive_all();
  EXPECT_EQ(refusal(world, to("latest")).code(), "no_backup");
  World broken;
  const BackupHeader backup = broken.backup(1, 0, 10);
  broken.commit(20, 700);
  archive(broken.inventory, broken.index, broken.wal, broken.wal.begin(), backup.backup_end);
  EXPECT_EQ(refusal(broken, to("latest")).code(), "wal_missing");
}

TEST(Plan, WalThatNobodyIndexedIsRefused) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  world.inventory.wal = {{kOne, world.wal.begin(), world.wal.end(), at(20), at(20), true, 1}};
  EXPECT_EQ(refusal(world, to_time(15)).code(), "wal_missing");
}

TEST(Plan, RowsThatCannotHoldAStopperAreNotLoadedForIt) {
  World world;
  std::vector<Lsn> cuts;
  for (int i = 0; i < 50; ++i) {
    world.commit(i, 700 + static_cast<std::uint64_t>(i));
    cuts.push_back(world.wal.end());
  }
  world.backup(1, 100, 110);
  for (int i = 0; i < 50; ++i) {
    world.commit(200 + i, 800 + static_cast<std::uint64_t>(i));
    cuts.push_back(world.wal.end());
  }
  archive(world.inventory, world.index, world.wal, world.wal.begin(), world.wal.end(), cuts);
  const RestorePlan plan = world.plan(to_time(205));
  EXPECT_EQ(plan.first_dropped->xid, 806U);
  EXPECT_LT(world.index.loads, 20U);
}

// notes 2.3: a pause is skipped, and the server promotes, while hot standby is not active.
TEST(Plan, PauseIsSafeOnlyBehindASnapshotAndConsistency) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  world.commit(30, 701);
  world.archive_all();
  EXPECT_TRUE(world.plan(to_time(25)).pause_is_safe);
  EXPECT_FALSE(world.plan(to("immediate")).pause_is_safe);
}

TEST(Plan, PauseIsNotSafeWhenTheSnapshotOverflowed) {
  World world;
  BackupHeader header = sample_header(1);
  header.timeline = kOne;
  header.start = world.wal.end();
  world.wal.add(ModelKind::running_overflowed, at(0));
  header.backup_end = world.wal.add(ModelKind::backup_end, at(10)).start;
  header.stop = world.wal.end();
  header.finished = at(10);
  world.inventory.backups = {header};
  world.commit(20, 700);
  world.commit(30, 701);
  world.wal.add(ModelKind::running, at(31));
  world.commit(40, 702);
  world.commit(50, 703);
  world.archive_all();
  EXPECT_FALSE(world.plan(to_time(25)).pause_is_safe);
  EXPECT_FALSE(world.plan(to_time(35)).pause_is_safe);
  EXPECT_TRUE(world.plan(to_time(45)).pause_is_safe);
}

TEST(Plan, SettingsOnTheWayAreGathered) {
  World world;
  world.backup(1, 0, 10);
  world.commit(20, 700);
  world.wal.add(ModelKind::parameters, at(21));
  world.wal.records().back().value = 1ULL << 32 | 300;
  world.commit(30, 701);
  world.wal.add(ModelKind::parameters, at(31));
  world.wal.records().back().value = 2ULL << 32 | 100;
  world.commit(40, 702);
  world.archive_all();
  EXPECT_EQ(world.plan(to_time(20)).max_connections, 300);  // the record lies before the stopper
  EXPECT_EQ(world.plan(to_time(40)).max_connections, 300);
  EXPECT_EQ(world.plan(to_time(40)).max_prepared_transactions, 7);
}

TEST(Plan, WalOfLevelMinimalCannotBeReplayed) {
  World world;
  world.backup(1, 0, 10);
  const auto last = world.commit(20, 700);
  world.wal.add(ModelKind::parameters, at(21));
  world.wal.records().back().value = 100;
  world.commit(30, 701);
  world.archive_all();
  EXPECT_EQ(refusal(world, to_time(30)).code(), "wal_level_minimal");
  EXPECT_EQ(world.plan(to_lsn(last.end)).last_kept->xid, 700U);
}

TEST(Plan, AStandbysBackupIsConsistentAtItsStop) {
  World world;
  BackupHeader header = sample_header(1);
  header.timeline = kOne;
  header.start = world.wal.end();
  header.from_standby = true;
  header.backup_end = Lsn();
  world.wal.add(ModelKind::checkpoint, at(0));
  const auto inside = world.commit(5, 700);
  header.stop = inside.end;
  header.finished = at(10);
  world.inventory.backups = {header};
  world.archive_all();
  EXPECT_EQ(world.plan(to("latest")).stop.lsn, inside.start);
  EXPECT_EQ(refusal(world, to("before-xid:700")).code(), "target_before_window");
}

}  // namespace
}  // namespace tidemark::catalog
