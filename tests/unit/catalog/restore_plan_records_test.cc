// Targets that name a place in the WAL: lsn, xid, before-xid, name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_world.h"

namespace tidemark::catalog {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kSegment = 16U << 20;

TEST(PlanRecords, AnLsnKeepsEveryRecordThatStartsBeforeIt) {
  World world;
  world.backup(1, 0, 10);
  const auto first = world.commit(20, 700);
  const auto second = world.commit(30, 701);
  world.archive_all();
  const RestorePlan plan = world.plan(to_lsn(second.start));
  EXPECT_EQ(plan.stop, (StopPoint{second.start, false, StopReason::lsn}));
  EXPECT_EQ(plan.last_kept->xid, 700U);
  EXPECT_EQ(world.plan(to_lsn(first.start + 8)).last_kept->xid, 700U);
  const RestorePlan end = world.plan(to_lsn(second.end));
  EXPECT_EQ(end.stop, (StopPoint{second.start, true, StopReason::lsn}));
  EXPECT_EQ(end.last_kept->xid, 701U);
  EXPECT_EQ(refusal(world, to_lsn(second.end + 8)).code(), "lsn_not_reachable");
}

TEST(PlanRecords, AnLsnInsideAnUnfinishedRecordIsRefused) {
  World world;
  world.backup(1, 0, 10);
  const auto whole = world.commit(20, 700);
  const auto open = world.wal.add(ModelKind::other, at(0), 0, 1000);
  archive(world.inventory, world.index, world.wal, world.wal.begin(), open.start + 500);
  EXPECT_EQ(world.plan(to_lsn(open.start)).stop.lsn, whole.start);
  EXPECT_EQ(refusal(world, to_lsn(open.start + 400)).code(), "lsn_not_reachable");
}

TEST(PlanRecords, AnInsertPositionBehindAPageHeaderIsTheEnd) {
  World world;
  world.backup(1, 0, 10);
  const auto last = world.commit(20, 700);
  const Lsn end(2 * kSegment);
  archive(world.inventory, world.index, world.wal, world.wal.begin(), end);
  EXPECT_EQ(world.plan(to_lsn(end + 40)).stop, (StopPoint{last.start, true, StopReason::lsn}));
}

TEST(PlanRecords, AnLsnInsideTheBackupIsItsEndWhenNothingHappened) {
  World world;
  const BackupHeader backup = world.backup(1, 0, 10);
  world.commit(20, 700);
  world.archive_all();
  const RestorePlan plan = world.plan(to_lsn(backup.start + 64));
  EXPECT_EQ(plan.stop, (StopPoint{backup.backup_end, true, StopReason::backup_end}));
  EXPECT_EQ(plan.notes.size(), 1U);
}

TEST(PlanRecords, AnLsnInsideTheBackupIsRefusedWhenSomethingHappened) {
  World world;
  ModelRecord inside;
  world.inventory.backups.push_back(
      take_backup(world.wal, 1, at(0), at(10), [&] { inside = world.commit(5, 700); }));
  world.archive_all();
  EXPECT_EQ(refusal(world, to_lsn(inside.start)).code(), "target_before_window");
  EXPECT_EQ(world.plan(to_lsn(inside.end)).stop.reason, StopReason::backup_end);
}

TEST(PlanRecords, ATransactionIsKeptOrLeftOut) {
  World world;
  world.backup(1, 0, 10);
  const auto before = world.commit(20, 700);
  const auto named = world.commit(30, 701);
  world.commit(40, 702);
  world.archive_all();
  const RestorePlan with = world.plan(to("xid:701"));
  EXPECT_EQ(with.stop, (StopPoint{named.start, true, StopReason::record}));
  EXPECT_EQ(with.last_kept->xid, 701U);
  EXPECT_EQ(with.first_dropped->xid, 702U);
  EXPECT_EQ(with.wal_to, named.end);
  const RestorePlan without = world.plan(to("before-xid:701"));
  EXPECT_EQ(without.stop, (StopPoint{named.start, false, StopReason::stopper}));
  EXPECT_EQ(without.last_kept->start, before.start);
  EXPECT_EQ(without.first_dropped->xid, 701U);
  EXPECT_EQ(refusal(world, to("xid:999")).code(), "xid_unknown");
}

TEST(PlanRecords, AReusedTransactionIdNeedsItsEpoch) {
  constexpr std::uint64_t kEpoch = 1ULL << 32;
  World world;
  world.backup(1, 0, 10);
  world.wal.add(ModelKind::checkpoint, at(11), kEpoch + 600);
  const auto first = world.commit(20, kEpoch + 700);
  world.wal.add(ModelKind::checkpoint, at(25), 2 * kEpoch + 600);
  const auto second = world.commit(30, 2 * kEpoch + 700);
  world.archive_all();
  const Error error = refusal(world, to("xid:700"));
  EXPECT_EQ(error.code(), "xid_ambiguous");
  EXPECT_THAT(error.message(), HasSubstr(first.start.to_string()));
  EXPECT_THAT(error.message(), HasSubstr(second.start.to_string()));
  EXPECT_THAT(error.hint(), HasSubstr("--to lsn:" + second.end.to_string()));
  EXPECT_EQ(world.plan(to("xid:" + std::to_string(2 * kEpoch + 700))).stop.lsn, second.start);
  EXPECT_EQ(world.plan(to("before-xid:" + std::to_string(kEpoch + 700))).stop.lsn, first.start);
  EXPECT_EQ(refusal(world, to("xid:" + std::to_string(3 * kEpoch + 700))).code(), "xid_unknown");
}

TEST(PlanRecords, FullTransactionIdsAreNamed) {
  constexpr std::uint64_t kEpoch = 1ULL << 32;
  World world;
  world.backup(1, 0, 10);
  world.wal.add(ModelKind::checkpoint, at(11), kEpoch + 5);
  world.commit(20, kEpoch - 3);  // began before the epoch turned
  world.commit(30, kEpoch + 7);
  world.archive_all();
  const RestorePlan plan = world.plan(to_time(25));
  EXPECT_EQ(plan.last_kept_full_xid, kEpoch - 3);
  EXPECT_EQ(plan.first_dropped_full_xid, kEpoch + 7);
}

TEST(PlanRecords, ARestorePointIsIncluded) {
  World world;
  world.backup(1, 0, 10);
  const auto point = world.wal.add(ModelKind::restore_point, at(20), 0, 96, "before_release");
  world.commit(30, 700);
  world.archive_all();
  EXPECT_EQ(world.plan(to("name:before_release")).stop, (StopPoint{point.start, true, StopReason::record}));
  EXPECT_EQ(refusal(world, to("name:Before_release")).code(), "name_unknown");
}

TEST(PlanRecords, ARestorePointThatOccursTwiceIsRefusedWithPlaces) {
  World world;
  world.backup(1, 0, 10);
  const auto first = world.wal.add(ModelKind::restore_point, at(20), 0, 96, "x");
  const auto second = world.wal.add(ModelKind::restore_point, at(30), 0, 96, "x");
  world.commit(40, 700);
  world.archive_all();
  const Error error = refusal(world, to("name:x"));
  EXPECT_EQ(error.code(), "name_ambiguous");
  EXPECT_THAT(error.hint(), HasSubstr("--to lsn:" + first.end.to_string() + " --timeline 1"));
  EXPECT_THAT(error.hint(), HasSubstr("--to lsn:" + second.end.to_string() + " --timeline 1"));
}

}  // namespace
}  // namespace tidemark::catalog
