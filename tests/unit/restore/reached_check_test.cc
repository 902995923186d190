#include "restore/reached_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::restore {
namespace {

using catalog::StopReason;

catalog::RestorePlan plan_to(Lsn stop, bool inclusive, StopReason reason, Lsn wal_to) {
  catalog::RestorePlan plan;
  plan.stop = {stop, inclusive, reason};
  plan.wal_to = wal_to;
  plan.backup.start = Lsn(0x2000028);
  plan.backup.stop = Lsn(0x2000138);
  return plan;
}

TEST(PositionMatches, ExclusiveStopIsTheNextRecordsStart) {
  const auto plan = plan_to(Lsn(0x3001000), false, StopReason::stopper, Lsn(0x3001028));
  EXPECT_TRUE(position_matches(plan, Lsn(0x3001000)));
  EXPECT_FALSE(position_matches(plan, Lsn(0x3000FF8)));
  EXPECT_FALSE(position_matches(plan, Lsn(0x3001028)));
}

TEST(PositionMatches, PageHeadersLieBetweenRecords) {
  const auto page = plan_to(Lsn(0x3002018), false, StopReason::stopper, Lsn(0x3002100));
  EXPECT_TRUE(position_matches(page, Lsn(0x3002000)));
  EXPECT_FALSE(position_matches(page, Lsn(0x3001FF8)));
  const auto segment = plan_to(Lsn(0x4000028), false, StopReason::stopper, Lsn(0x4000100));
  EXPECT_TRUE(position_matches(segment, Lsn(0x4000000)));
}

TEST(PositionMatches, InclusiveStopIsTheRecordsEnd) {
  const auto plan = plan_to(Lsn(0x3001000), true, StopReason::end_of_wal, Lsn(0x3001028));
  EXPECT_TRUE(position_matches(plan, Lsn(0x3001028)));
  EXPECT_FALSE(position_matches(plan, Lsn(0x3001000)));
  EXPECT_FALSE(position_matches(plan, Lsn(0x3001050)));
}

// What a backup leaves as the last record of an idle server.
TEST(PositionMatches, ReplayOfASegmentSwitchStandsAtTheSegmentsEnd) {
  const auto switched = plan_to(Lsn(0x2000728), true, StopReason::end_of_wal, Lsn(0x2000740));
  EXPECT_TRUE(position_matches(switched, Lsn(0x3000000)));
  EXPECT_TRUE(position_matches(switched, Lsn(0x2000740)));
  EXPECT_FALSE(position_matches(switched, Lsn(0x3000060)));
  EXPECT_FALSE(position_matches(switched, Lsn(0x2000000)));
  const auto other = plan_to(Lsn(0x2000728), true, StopReason::end_of_wal, Lsn(0x2000758));
  EXPECT_FALSE(position_matches(other, Lsn(0x3000000)));
}

TEST(PositionMatches, AnLsnInsideARecordKeepsThatRecord) {
  const auto plan = plan_to(Lsn(0x3001010), false, StopReason::lsn, Lsn(0x3001040));
  EXPECT_TRUE(position_matches(plan, Lsn(0x3001028)));
  EXPECT_FALSE(position_matches(plan, Lsn(0x3001000)));
  EXPECT_FALSE(position_matches(plan, Lsn(0x3002000)));
}

TEST(Differences, NamesTransactionsOnTheWrongSide) {
  auto plan = plan_to(Lsn(0x3001000), false, StopReason::stopper, Lsn(0x3001028));
  plan.last_kept =
      wal::TransactionEnd{Lsn(0x3000F00), Lsn(0x3000F28), Instant::from_unix(1), 700, wal::EndKind::commit};
  plan.first_dropped =
      wal::TransactionEnd{Lsn(0x3001000), Lsn(0x3001028), Instant::from_unix(2), 701, wal::EndKind::commit};
  ReachedFacts facts{Lsn(0x3001000), "committed", std::nullopt};
  EXPECT_TRUE(differences_from_plan(plan, facts).empty());
  facts.dropped_status = "in progress";
  EXPECT_TRUE(differences_from_plan(plan, facts).empty());
  facts.dropped_status = "committed";
  EXPECT_THAT(differences_from_plan(plan, facts),
              testing::ElementsAre(testing::HasSubstr("transaction 701")));
  facts = {Lsn(0x3001000), "aborted", std::nullopt};
  EXPECT_THAT(differences_from_plan(plan, facts),
              testing::ElementsAre(testing::HasSubstr("transaction 700")));
  facts = {Lsn(0x3000000), "committed", std::nullopt};
  EXPECT_THAT(differences_from_plan(plan, facts),
              testing::ElementsAre(testing::HasSubstr("replay stands at 0/3000000")));
}

TEST(Differences, TooOldToTellIsNoDifference) {
  auto plan = plan_to(Lsn(0x3001000), false, StopReason::stopper, Lsn(0x3001028));
  plan.last_kept =
      wal::TransactionEnd{Lsn(0x1000F00), Lsn(0x1000F28), Instant::from_unix(1), 700, wal::EndKind::commit};
  EXPECT_TRUE(differences_from_plan(plan, {Lsn(0x3001000), std::nullopt, std::nullopt}).empty());
}

TEST(Differences, ImmediateAsksOnlyForConsistency) {
  const auto plan = plan_to(Lsn(), false, StopReason::immediate, Lsn(0x2000138));
  EXPECT_TRUE(differences_from_plan(plan, {Lsn(0x2000138), std::nullopt, std::nullopt}).empty());
  EXPECT_FALSE(differences_from_plan(plan, {Lsn(0x2000100), std::nullopt, std::nullopt}).empty());
}

}  // namespace
}  // namespace tidemark::restore
