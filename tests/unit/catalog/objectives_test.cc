#include "catalog/objectives.h"

#include <gtest/gtest.h>

#include "catalog/retention.h"
#include "samples.h"

namespace tidemark::catalog {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

RpoFacts facts(std::uint64_t insert, std::uint64_t received, std::uint64_t durable) {
  RpoFacts facts;
  facts.now = at(100 * kSecond);
  facts.primary_answers = true;
  facts.primary_insert = Lsn(insert);
  facts.received = Lsn(received);
  facts.durable = Lsn(durable);
  facts.last_proof = at(90 * kSecond);
  return facts;
}

TEST(Rpo, NothingBehindIsExactlyZero) {
  const Rpo rpo = rpo_now(facts(500, 500, 500));
  EXPECT_EQ(rpo.state, RpoState::exact);
  EXPECT_EQ(rpo.seconds, 0.0);
  EXPECT_EQ(rpo.bytes, 0U);
}

TEST(Rpo, AnIdlePrimaryDoesNotGrowOld) {
  RpoFacts idle = facts(500, 500, 400);  // noise without a commit
  idle.now = at(100'000 * kSecond);
  const Rpo rpo = rpo_now(idle);
  EXPECT_EQ(rpo.state, RpoState::exact);
  EXPECT_EQ(rpo.seconds, 0.0);
  EXPECT_EQ(rpo.bytes, 100U);
}

TEST(Rpo, CountsFromTheOldestUndurableCommit) {
  RpoFacts behind = facts(500, 450, 400);
  behind.oldest_undurable_commit = at(97 * kSecond);
  const Rpo rpo = rpo_now(behind);
  EXPECT_EQ(rpo.state, RpoState::exact);
  EXPECT_EQ(rpo.seconds, 3.0);
}

TEST(Rpo, WhatWasNotReceivedMayHoldACommit) {
  const Rpo rpo = rpo_now(facts(500, 450, 450));
  EXPECT_EQ(rpo.state, RpoState::at_most);
  EXPECT_EQ(rpo.seconds, 10.0);
  EXPECT_EQ(rpo.bytes, 50U);
}

TEST(Rpo, ASilentPrimaryIsBoundedByTheLastProof) {
  RpoFacts silent = facts(0, 450, 450);
  silent.primary_answers = false;
  EXPECT_EQ(rpo_now(silent).state, RpoState::at_most);
  EXPECT_EQ(rpo_now(silent).seconds, 10.0);
  silent.last_proof.reset();
  EXPECT_EQ(rpo_now(silent).state, RpoState::unknown);
  EXPECT_FALSE(rpo_now(silent).seconds);
}

TEST(Rpo, SkewNeverMakesItNegative) {
  RpoFacts behind = facts(500, 450, 400);
  behind.oldest_undurable_commit = at(101 * kSecond);
  EXPECT_EQ(rpo_now(behind).seconds, 0.0);
}

TEST(Rpo, UnknownCountsAsMissed) {
  EXPECT_FALSE(rpo_met({RpoState::unknown, std::nullopt, 0, at(0)}, 1e9));
  EXPECT_TRUE(rpo_met({RpoState::at_most, 5.0, 0, at(0)}, 5.0));
  EXPECT_FALSE(rpo_met({RpoState::exact, 5.1, 0, at(0)}, 5.0));
  EXPECT_EQ(to_string(RpoState::at_most), "at_most");
}

Inventory one_backup() {
  Inventory inventory;
  inventory.wal = {{TimelineId(1), Lsn(100), Lsn(2000), at(1), at(2), true, 1}};
  BackupHeader header = sample_header(1);
  header.timeline = TimelineId(1);
  header.start = Lsn(200);
  header.stop = Lsn(300);
  header.finished = at(0);
  inventory.backups = {header};
  return inventory;
}

TEST(BackupDue, WhenThereIsNone) {
  EXPECT_EQ(backup_due(Inventory(), {}, at(0)).reason, "no backup yet");
  EXPECT_FALSE(backup_due(one_backup(), {}, at(0)).due);
}

TEST(BackupDue, WhenAGapFollows) {
  Inventory inventory = one_backup();
  inventory.wal.push_back({TimelineId(1), Lsn(2100), Lsn(2200), {}, {}, false, 1});
  EXPECT_EQ(backup_due(inventory, {}, at(0)).reason, "a gap follows the last backup");
  inventory.backups[0].start = Lsn(50);
  EXPECT_EQ(backup_due(inventory, {}, at(0)).reason, "no backup can be restored on the timeline in use");
}

TEST(BackupDue, ByAgeOfTheLastFullOne) {
  const BackupSchedule daily{Microseconds(86'400 * kSecond)};
  Inventory inventory = one_backup();
  EXPECT_FALSE(backup_due(inventory, daily, at(86'399 * kSecond)).due);
  EXPECT_EQ(backup_due(inventory, daily, at(86'400 * kSecond)).reason,
            "the last full backup is older than full_every");
  inventory.backups[0].kind = BackupKind::incremental;
  EXPECT_EQ(backup_due(inventory, daily, at(1)).reason, "no full backup yet");
}

}  // namespace
}  // namespace tidemark::catalog
