// Plans across timelines: forks, failovers, abandoned ends, copies of a parent's bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/restore_plan.h"
#include "samples.h"
#include "tidemark/error.h"
#include "wal_model.h"

namespace tidemark::catalog {
namespace {

using testing::HasSubstr;

const TimelineId kOne(1), kTwo(2);
constexpr std::uint64_t kSegment = 16U << 20;

// Timeline 1 with a backup and commits at 20, 30; timeline 2 leaves it behind the first of them.
struct Fork {
  ModelWal first{kOne, Lsn(kSegment)};
  ModelWal second{kTwo, Lsn(kSegment)};
  Lsn switch_point;
  Inventory inventory;
  MemoryIndex index;

  Fork() {
    inventory.backups.push_back(take_backup(first, 1, at(0), at(10)));
    first.add(ModelKind::commit, at(20), 700);
    switch_point = first.end();
    inventory.histories.emplace(
        kTwo, wal::TimelineHistory::parse(kTwo, "1\t" + switch_point.to_string() + "\tfailover\n"));
  }
  // The child's first segment begins with a copy of the parent's records.
  void fork() {
    for (const ModelRecord& record : first.records()) {
      if (record.end <= switch_point) {
        second.add(record.kind, record.time, record.full_xid, record.end - record.start, record.name);
      }
    }
  }
  void archive_first(Lsn to) { archive(inventory, index, first, first.begin(), to); }
  void archive_second() { archive(inventory, index, second, second.begin(), second.end()); }
  RestorePlan plan(const PlanRequest& request) { return make_restore_plan(inventory, request, index); }
};

PlanRequest to_time(std::int64_t time) {
  PlanRequest request;
  request.target.kind = TargetKind::time;
  request.target.time = at(time);
  request.target.requested = at(time).to_iso();
  return request;
}
PlanRequest to(std::string_view text, std::optional<TimelineId> timeline = {}) {
  PlanRequest request;
  request.target = *parse_positional_target(text);
  request.timeline = timeline;
  return request;
}

std::string refusal_code(Fork& world, const PlanRequest& request) {
  try {
    world.plan(request);
  } catch (const Error& error) {
    return std::string(error.code());
  }
  return "not refused";
}

TEST(Branches, AFailoverIsCrossed) {
  Fork world;
  world.fork();
  const auto later = world.second.add(ModelKind::commit, at(40), 701);
  world.archive_first(world.switch_point);
  world.archive_second();
  const RestorePlan latest = world.plan(to("latest"));
  EXPECT_EQ(latest.timeline, kTwo);
  EXPECT_EQ(latest.stop.lsn, later.start);
  EXPECT_EQ(latest.transactions, 2U);
  EXPECT_EQ(latest.path.size(), 2U);
}

TEST(Branches, AMomentBeforeTheForkIsTheParents) {
  Fork world;
  const auto more = world.first.add(ModelKind::commit, at(30), 702);
  world.fork();
  world.second.add(ModelKind::commit, at(40), 701);
  world.archive_first(more.end);
  world.archive_second();
  const RestorePlan plan = world.plan(to_time(15));
  EXPECT_EQ(plan.timeline, kOne);
  EXPECT_EQ(plan.first_dropped->xid, 700U);
}

TEST(Branches, AMomentThatTwoBranchesSawIsAsked) {
  Fork world;
  const auto more = world.first.add(ModelKind::commit, at(30), 702);
  world.first.add(ModelKind::commit, at(50), 703);
  world.fork();
  const auto child = world.second.add(ModelKind::commit, at(40), 701);
  world.second.add(ModelKind::commit, at(60), 704);
  world.archive_first(world.first.end());
  world.archive_second();
  EXPECT_EQ(refusal_code(world, to_time(45)), "timeline_ambiguous");
  PlanRequest request = to_time(45);
  request.timeline = kOne;
  EXPECT_EQ(world.plan(request).last_kept->start, more.start);
  EXPECT_EQ(world.plan(request).timeline, kOne);
  request.timeline = kTwo;
  EXPECT_EQ(world.plan(request).last_kept->xid, child.full_xid);
  EXPECT_EQ(world.plan(request).timeline, kTwo);
  EXPECT_EQ(world.plan(to_time(55)).timeline, kTwo);  // only the child lived then
  EXPECT_EQ(world.plan(to("latest")).timeline, kTwo);
}

TEST(Branches, TwoLeavesMakeLatestAmbiguous) {
  Fork world;
  world.fork();
  world.second.add(ModelKind::commit, at(40), 701);
  world.archive_first(world.switch_point);
  world.archive_second();
  ModelWal third(TimelineId(3), Lsn(kSegment));
  for (const ModelRecord& record : world.first.records()) {
    third.add(record.kind, record.time, record.full_xid, record.end - record.start);
  }
  third.add(ModelKind::commit, at(41), 705);
  world.inventory.histories.emplace(
      TimelineId(3),
      wal::TimelineHistory::parse(TimelineId(3), "1\t" + world.switch_point.to_string() + "\tdrill\n"));
  archive(world.inventory, world.index, third, third.begin(), third.end());
  try {
    world.plan(to("latest"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "timeline_ambiguous");
    EXPECT_THAT(error.hint(), HasSubstr("--timeline 2 or --timeline 3"));
  }
  EXPECT_EQ(world.plan(to("latest", TimelineId(3))).last_kept->xid, 705U);
  EXPECT_EQ(world.plan(to("xid:705")).timeline, TimelineId(3));
  EXPECT_EQ(world.plan(to("xid:700")).timeline, kOne);  // in the common past: found once
}

TEST(Branches, TheChildsCopyServesWhatTheParentNeverArchived) {
  Fork world;
  world.fork();
  const auto later = world.second.add(ModelKind::commit, at(40), 701);
  world.archive_first(world.inventory.backups[0].stop);  // the commit at 20 is only in the child's copy
  world.archive_second();
  const RestorePlan plan = world.plan(to_time(30));
  EXPECT_EQ(plan.stop.lsn, later.start);
  EXPECT_EQ(plan.last_kept->xid, 700U);
  const RestorePlan before = world.plan(to("before-xid:700"));
  EXPECT_EQ(before.timeline, kTwo);  // recovery must ask for the child's segment
  EXPECT_EQ(before.first_dropped->xid, 700U);
}

TEST(Branches, AMissingHistoryIsNotGuessed) {
  Fork world;
  world.fork();
  world.second.add(ModelKind::commit, at(40), 701);
  world.archive_first(world.switch_point);
  world.archive_second();
  world.inventory.histories.clear();
  EXPECT_EQ(refusal_code(world, to("latest")), "history_missing");
  EXPECT_EQ(world.plan(to("latest", kOne)).last_kept->xid, 700U);
  EXPECT_EQ(refusal_code(world, to("latest", TimelineId(9))), "timeline_unknown");
}

TEST(Branches, AnIdleProofOfTheParentHoldsOnTheChild) {
  Fork world;
  world.fork();
  world.second.add(ModelKind::other, at(0));
  world.archive_first(world.switch_point);
  world.archive_second();
  world.inventory.idle_proofs = {{at(35), world.switch_point, kOne}};
  EXPECT_EQ(world.plan(to_time(34)).stop.reason, StopReason::end_of_wal);
  EXPECT_EQ(refusal_code(world, to_time(36)), "target_after_window");
}

TEST(Branches, AProofBehindTheForkIsTheParentsAlone) {
  Fork world;
  world.first.add(ModelKind::other, at(0));
  world.fork();
  world.second.add(ModelKind::other, at(0));
  world.archive_first(world.first.end());
  world.archive_second();
  world.inventory.idle_proofs = {{at(35), world.first.end(), kOne}};
  PlanRequest request = to_time(34);
  request.timeline = kTwo;
  EXPECT_EQ(refusal_code(world, request), "target_after_window");
  request.timeline.reset();
  EXPECT_EQ(world.plan(request).timeline, kOne);
}

TEST(Branches, AGapAtTheSwitchEndsTheWindow) {
  Fork world;
  world.fork();
  world.second.add(ModelKind::commit, at(40), 701);
  world.archive_first(world.inventory.backups[0].stop);
  archive(world.inventory, world.index, world.second, world.switch_point, world.second.end());
  EXPECT_EQ(refusal_code(world, to_time(30)), "target_after_window");
  EXPECT_EQ(world.plan(to("latest")).notes.size(), 1U);
}

}  // namespace
}  // namespace tidemark::catalog
