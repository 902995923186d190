#include "service/live_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "monitor/render.h"

namespace tidemark::service {
namespace {

using ::testing::HasSubstr;

const Instant kNow = *Instant::parse_iso("2026-11-22T03:00:00.000000Z");

monitor::RepositoryReport repository(const std::string& name, bool required, Lsn archived) {
  monitor::RepositoryReport repository;
  repository.name = name;
  repository.required = required;
  repository.inventory.emplace();
  repository.timeline = TimelineId(1);
  repository.archived = archived;
  return repository;
}

monitor::ClusterReport snapshot() {
  monitor::ClusterReport report;
  report.name = "main";
  report.slot_name = "tidemark";
  report.rpo_objective_seconds = 5;
  report.timeline = TimelineId(1);
  report.archived_lsn = Lsn(0x1000);
  report.repositories = {repository("local", true, Lsn(0x1000)), repository("offsite", false, Lsn(0x800))};
  return report;
}

archive::LaneStatus lane(const std::string& name, bool required, Lsn durable) {
  archive::LaneStatus lane;
  lane.repository = name;
  lane.required = required;
  lane.durable = durable;
  return lane;
}

LiveFacts streaming() {
  LiveFacts facts;
  facts.now = kNow;
  facts.archive.state = archive::ArchiveState::streaming;
  facts.archive.timeline = TimelineId(2);
  facts.archive.received = Lsn(0x3000);
  facts.archive.flush = Lsn(0x2000);
  facts.archive.server_answers = true;
  facts.archive.moment = postgres::ServerMoment{kNow, false, Lsn(0x3000), Lsn(0x3000)};
  facts.archive.lanes = {lane("local", true, Lsn(0x2000)), lane("offsite", false, Lsn(0x900))};
  facts.archive.last_error = "of an hour ago";
  return facts;
}

TEST(LiveReport, LanesKnowBetterThanTheLastReading) {
  const auto report = merge_report(snapshot(), streaming());
  EXPECT_EQ(report.archived_lsn, Lsn(0x2000));
  EXPECT_EQ(report.repositories[0].archived, Lsn(0x2000));
  EXPECT_EQ(report.repositories[1].archived, Lsn(0x900));
  EXPECT_EQ(report.timeline, TimelineId(2));
  EXPECT_EQ(report.primary_lsn, Lsn(0x3000));
  EXPECT_EQ(report.primary_error, "");
  EXPECT_EQ(report.service->last_error, "");
}

TEST(LiveReport, RpoIsThatOfTheWorstRequiredLane) {
  auto facts = streaming();
  facts.archive.clock_skew = std::chrono::seconds(2);
  facts.archive.lanes[0].oldest_undurable_commit = kNow;
  const auto report = merge_report(snapshot(), facts);
  EXPECT_EQ(report.rpo.state, catalog::RpoState::exact);
  EXPECT_EQ(report.rpo.seconds, 2.0);
  EXPECT_EQ(report.rpo.bytes, 0x1000U);
  EXPECT_EQ(report.now, kNow + std::chrono::seconds(2));
}

TEST(LiveReport, WithoutThePrimaryTheBestProofBoundsTheRpo) {
  auto facts = streaming();
  facts.archive.server_answers = false;
  facts.archive.last_error = "connection refused";
  facts.proven_until = kNow - std::chrono::seconds(30);
  auto report = merge_report(snapshot(), facts);
  EXPECT_EQ(report.rpo.state, catalog::RpoState::at_most);
  EXPECT_EQ(report.rpo.seconds, 30.0);
  EXPECT_FALSE(report.primary_lsn);
  EXPECT_EQ(report.primary_error, "connection refused");
  facts.archive.last_proof = catalog::IdleProof{kNow - std::chrono::seconds(3), Lsn(0x2000), TimelineId(2)};
  report = merge_report(snapshot(), facts);
  EXPECT_EQ(report.rpo.seconds, 3.0);
}

TEST(LiveReport, BeforeTheArchiverRunsTheRepositoriesTell) {
  LiveFacts facts;
  facts.now = kNow;
  facts.proven_until = kNow - std::chrono::seconds(7);
  auto report = merge_report(snapshot(), facts);
  EXPECT_EQ(report.rpo.state, catalog::RpoState::at_most);
  EXPECT_EQ(report.rpo.seconds, 7.0);
  EXPECT_EQ(report.archived_lsn, Lsn(0x1000));

  auto blind = snapshot();
  blind.repositories[0].inventory.reset();
  blind.repositories[0].error = "no route to host";
  report = merge_report(blind, facts);
  EXPECT_EQ(report.rpo.state, catalog::RpoState::unknown) << "another repository must not stand in";
}

TEST(LiveReport, ALaneThatFailsIsTheRepositorysTrouble) {
  auto facts = streaming();
  facts.archive.lanes[0].state = archive::LaneState::failing;
  facts.archive.lanes[0].last_error = "no space left on device";
  const auto report = merge_report(snapshot(), facts);
  EXPECT_EQ(report.repositories[0].error, "no space left on device");
  EXPECT_EQ(report.service->lane_errors.at("local"), "no space left on device");
  EXPECT_THAT(monitor::render_health({report}), HasSubstr("repository local: no space left on device"));
}

TEST(LiveReport, CatchingUpIsNoTrouble) {
  auto facts = streaming();
  facts.archive.lanes[1].state = archive::LaneState::catching_up;
  facts.archive.lanes[1].last_error = "of before";
  EXPECT_EQ(merge_report(snapshot(), facts).repositories[1].error, "");
}

TEST(LiveReport, ATakenSlotPointsToTheOtherService) {
  auto facts = streaming();
  facts.archive.state = archive::ArchiveState::server_unavailable;
  facts.archive.last_error = "replication slot \"tidemark\" is active for PID 4711";
  facts.archive.last_error_code = "slot_active";
  auto report = merge_report(snapshot(), facts);
  EXPECT_THAT(report.service->last_error, HasSubstr("is active for PID 4711"));
  EXPECT_THAT(
      report.service->last_error,
      HasSubstr("the slot tidemark is in use by another process: is a second tidemark serve running"));
  facts.archive.last_error_code = "connection_lost";
  report = merge_report(snapshot(), facts);
  EXPECT_EQ(report.service->last_error, facts.archive.last_error);
}

TEST(LiveReport, CarriesTheBackupsState) {
  auto facts = streaming();
  facts.backup = {true, "disk full", 12.5};
  const auto report = merge_report(snapshot(), facts);
  EXPECT_TRUE(report.service->backup_running);
  EXPECT_EQ(report.service->backup_error, "disk full");
  EXPECT_EQ(report.service->last_backup_seconds, 12.5);
}

}  // namespace
}  // namespace tidemark::service
