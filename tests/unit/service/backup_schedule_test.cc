#include "service/backup_schedule.h"

#include <gtest/gtest.h>

namespace tidemark::service {
namespace {

using Targets = std::vector<std::size_t>;
using std::chrono::minutes;
using std::chrono::seconds;

BackupPlace place(bool required, bool due, bool holds_none = false) {
  BackupPlace place;
  place.required = required;
  place.due = {due, due ? (holds_none ? "no backup yet" : "too old") : ""};
  place.holds_none = holds_none;
  return place;
}

TEST(BackupDecision, NothingIsDue) {
  EXPECT_EQ(decide_backup({place(true, false), place(false, false)}, false).targets, Targets());
}

TEST(BackupDecision, OnePassServesAllRepositories) {
  const auto decision = decide_backup({place(true, false), place(true, true), place(false, false)}, false);
  EXPECT_EQ(decision.targets, (Targets{0, 1, 2}));
  EXPECT_EQ(decision.reason, "too old");
  EXPECT_FALSE(decision.first);
}

TEST(BackupDecision, AfterAFailureOptionalRepositoriesAreLeftOut) {
  EXPECT_EQ(decide_backup({place(true, true), place(false, true)}, true).targets, Targets{0});
}

TEST(BackupDecision, AnOptionalRepositoryAloneIsServed) {
  EXPECT_EQ(decide_backup({place(true, false), place(false, true, true)}, false).targets, Targets{1});
  EXPECT_FALSE(decide_backup({place(true, false), place(false, true, true)}, false).first);
}

TEST(BackupDecision, AnOptionalRepositoryThatTakesNoWalIsLeftOut) {
  auto offsite = place(false, true);
  offsite.takes_wal = false;
  EXPECT_EQ(decide_backup({place(true, true), offsite}, false).targets, Targets{0});
  EXPECT_EQ(decide_backup({place(true, false), offsite}, false).targets, Targets());
}

TEST(BackupDecision, ARequiredRepositoryThatTakesNoWalStopsAll) {
  auto local = place(true, true, true);
  local.takes_wal = false;
  EXPECT_EQ(decide_backup({local, place(true, true)}, false).targets, Targets());
}

TEST(BackupDecision, WithoutAnyBackupItIsTheFirst) {
  const auto decision = decide_backup({place(true, true, true), place(false, false)}, false);
  EXPECT_TRUE(decision.first);
  EXPECT_EQ(decision.reason, "no backup yet");
  // A required repository that was added later has no backup, but there is one to restore from.
  EXPECT_FALSE(decide_backup({place(true, true, true), place(true, false)}, false).first);
}

archive::ArchiveStatus streaming(archive::LaneState required, archive::LaneState optional) {
  archive::ArchiveStatus status;
  status.state = archive::ArchiveState::streaming;
  status.lanes.resize(2);
  status.lanes[0].state = required;
  status.lanes[1].state = optional;
  status.lanes[1].required = false;
  return status;
}

TEST(RequiredPlacesWork, OnlyRequiredLanesCount) {
  using archive::LaneState;
  EXPECT_TRUE(required_places_work(streaming(LaneState::shipping, LaneState::failing)));
  EXPECT_FALSE(required_places_work(streaming(LaneState::failing, LaneState::shipping)));
  auto down = streaming(LaneState::shipping, LaneState::shipping);
  down.state = archive::ArchiveState::server_unavailable;
  EXPECT_FALSE(required_places_work(down));
  EXPECT_FALSE(required_places_work({}));
}

const archive::SteadyTime kStart{std::chrono::hours(1)};

BackupDecision due(bool first, std::string reason = "too old") { return {{0}, std::move(reason), first}; }

TEST(BackupPacing, TheFirstBackupStartsAtOnce) {
  BackupPacing pacing;
  EXPECT_TRUE(pacing.may_start(due(true), kStart));
}

TEST(BackupPacing, OtherReasonsMustBeSeenTwiceInARow) {
  BackupPacing pacing;
  EXPECT_FALSE(pacing.may_start(due(false), kStart));
  EXPECT_FALSE(pacing.may_start(due(false, "a gap"), kStart));
  EXPECT_TRUE(pacing.may_start(due(false, "a gap"), kStart));
  pacing.succeeded();
  EXPECT_FALSE(pacing.may_start(due(false, "a gap"), kStart));
  EXPECT_FALSE(pacing.may_start({}, kStart));
  EXPECT_FALSE(pacing.may_start(due(false, "a gap"), kStart));
}

TEST(BackupPacing, NothingDueStartsNothing) {
  BackupPacing pacing;
  EXPECT_FALSE(pacing.may_start({}, kStart));
  EXPECT_FALSE(pacing.may_start({}, kStart));
}

TEST(BackupPacing, WaitsFromAMinuteToAnHourAfterFailures) {
  BackupPacing pacing;
  archive::SteadyTime now = kStart;
  std::vector<long> waits;
  for (int failure = 0; failure < 9; ++failure) {
    EXPECT_TRUE(pacing.may_start(due(true), now));
    const Microseconds wait = pacing.failed(now);
    waits.push_back(std::chrono::duration_cast<minutes>(wait).count());
    EXPECT_FALSE(pacing.may_start(due(true), now + wait - seconds(1)));
    now += wait;
  }
  EXPECT_EQ(waits, (std::vector<long>{1, 2, 4, 8, 16, 32, 60, 60, 60}));
  EXPECT_TRUE(pacing.after_failure());
  pacing.succeeded();
  EXPECT_FALSE(pacing.after_failure());
  EXPECT_EQ(pacing.failed(now), minutes(1));
}

}  // namespace
}  // namespace tidemark::service
