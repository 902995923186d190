#include "service/change_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/archive_keeper.h"

namespace tidemark::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

monitor::ClusterReport report(const std::string& state, double rpo_seconds = 0) {
  monitor::ClusterReport report;
  report.name = "main";
  report.rpo_objective_seconds = 5;
  report.rpo.state = catalog::RpoState::exact;
  report.rpo.seconds = rpo_seconds;
  report.service.emplace();
  report.service->state = state;
  report.service->received = Lsn(0x2000000);
  report.service->flush = Lsn(0x1000000);
  report.repositories.resize(1);
  report.repositories[0].name = "local";
  return report;
}

monitor::ClusterReport down() {
  auto down = report("server_unavailable");
  down.service->last_error = "connection refused";
  return down;
}

std::vector<std::string> texts(const std::vector<LogLine>& lines) {
  std::vector<std::string> texts;
  for (const auto& line : lines) texts.push_back(line.text);
  return texts;
}

TEST(ChangeLog, AnUneventfulStartIsSilent) {
  ChangeLog log;
  auto opening = report("connecting");
  opening.repositories[0].error = kNotOpenYet;
  EXPECT_THAT(log.changes(opening), IsEmpty());
  EXPECT_THAT(log.changes(report("connecting")), IsEmpty());
  EXPECT_THAT(log.changes(report("streaming")), IsEmpty());
}

TEST(ChangeLog, TroubleIsSaidOnceAndItsEndToo) {
  ChangeLog log;
  log.changes(report("streaming"));
  EXPECT_THAT(
      log.changes(down()),
      ElementsAre(LogLine{LogLevel::error, "main: not streaming: server_unavailable: connection refused"}));
  EXPECT_THAT(log.changes(down()), IsEmpty());
  EXPECT_THAT(log.changes(report("connecting")), IsEmpty());
  EXPECT_THAT(log.changes(down()), IsEmpty());
  EXPECT_THAT(
      log.changes(report("streaming")),
      ElementsAre(LogLine{LogLevel::info, "main: streaming again from 0/2000000, archived to 0/1000000"}));
}

TEST(ChangeLog, ARepositorysTroubleIsSaidOnceWhateverItsTextDoes) {
  ChangeLog log;
  log.changes(report("streaming"));
  auto failing = report("streaming");
  failing.repositories[0].error = "no space left, 3 tries";
  EXPECT_THAT(texts(log.changes(failing)), ElementsAre("main: repository local: no space left, 3 tries"));
  failing.repositories[0].error = "no space left, 4 tries";
  EXPECT_THAT(log.changes(failing), IsEmpty());
  EXPECT_THAT(texts(log.changes(report("streaming"))), ElementsAre("main: repository local works again"));
}

TEST(ChangeLog, TheSpoolAndTheObjectiveAreFollowed) {
  ChangeLog log;
  log.changes(report("streaming"));
  auto bad = report("streaming", 7.5);
  bad.rpo.bytes = 2'500'000;
  bad.service->spool_error = "read-only file system";
  EXPECT_THAT(texts(log.changes(bad)),
              ElementsAre("main: spool: read-only file system",
                          "main: the RPO objective of 5.0 s is missed: 7.5 s, 2.5 MB of WAL not archived"));
  EXPECT_THAT(texts(log.changes(report("streaming", 1))),
              ElementsAre("main: spool works again", "main: the RPO objective is met again: 1.0 s"));
}

TEST(ChangeLog, BeforeTheFirstStreamAnUnknownRpoIsNoNews) {
  ChangeLog log;
  auto starting = report("connecting");
  starting.rpo = {};
  EXPECT_THAT(log.changes(starting), IsEmpty());
}

TEST(ChangeLog, SaysWhenCommitsBeginToWaitForUs) {
  ChangeLog log;
  auto now = report("streaming");
  now.service->sync_state = "async";
  EXPECT_THAT(log.changes(now), IsEmpty());
  now.service->sync_state = "sync";
  EXPECT_THAT(texts(log.changes(now)),
              ElementsAre("main: our sync_state is sync: commits on the primary may wait for us"));
}

TEST(ChangeLog, SaysWhenTheSlotIsInDanger) {
  ChangeLog log;
  auto now = report("streaming");
  now.slot = postgres::SlotState{"tidemark", true, Lsn(0x1000), "reserved", std::nullopt, 512};
  EXPECT_THAT(log.changes(now), IsEmpty());
  now.slot->wal_status = "unreserved";
  now.slot->retained_bytes = 3'000'000'000;
  EXPECT_THAT(log.changes(now),
              ElementsAre(LogLine{LogLevel::error,
                                  "main: the slot tidemark has wal_status unreserved and keeps 3.0 GB of WAL "
                                  "on the primary"}));
  now.slot.reset();  // the server is down: no news
  EXPECT_THAT(log.changes(now), IsEmpty());
}

TEST(SummaryText, SaysTheStateInAFewWords) {
  auto now = report("streaming", 0.5);
  EXPECT_EQ(summary_text(now), "main: streaming, RPO 0.5 s");
  now.service->backup_running = true;
  now.rpo = {};
  EXPECT_EQ(summary_text(now), "main: streaming, RPO unknown, backup running");
}

}  // namespace
}  // namespace tidemark::service
