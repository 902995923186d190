#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "monitor/render.h"
#include "sample_report.h"

namespace tidemark::monitor {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(StatusText, SaysWhatSomebodyOnCallAsks) {
  const std::string text = render_status_text(sample_report());
  EXPECT_THAT(text,
              HasSubstr("1.5 s of committed work is not archived yet (512 B of WAL); objective 5.0 s: met"));
  EXPECT_THAT(text, HasSubstr("42.0 s to come back to now (from measured restores); objective 10 min: met"));
  EXPECT_THAT(text,
              HasSubstr("from 2026-11-22T03:01:20.000000Z to 2026-11-22T03:04:59.250000Z on timeline 1"));
  EXPECT_THAT(text, HasSubstr("WAL 0/1000000 to 0/2000000 of timeline 1 is missing"));
  EXPECT_THAT(text, HasSubstr("local (posix:/srv/local): archived to 0/4000000, 5.0 MB stored, encrypted"));
  EXPECT_THAT(text, HasSubstr("offsite (posix:/srv/offsite), not required: archived to"));
  EXPECT_THAT(text, HasSubstr("'tidemark' in use, keeps 512 B of WAL on the primary"));
  EXPECT_THAT(text, HasSubstr("streaming, async standby"));
  EXPECT_THAT(text, HasSubstr("20261122T030100Z-1f3a  full  30.0 MB, 4.0 MB stored, 20.0 s"));
}

TEST(StatusText, ZeroIsSaidInWords) {
  ClusterReport report = sample_report();
  report.rpo.seconds = 0;
  EXPECT_THAT(render_status_text(report),
              HasSubstr("0 s, all that is committed is archived; objective 5.0 s: met"));
}

TEST(StatusText, SaysWhatIsDown) {
  const std::string text = render_status_text(unknown_report());
  EXPECT_THAT(text, HasSubstr("unknown; objective 5.0 s: MISSED"));
  EXPECT_THAT(text, HasSubstr("does not answer: connection refused"));
  EXPECT_THAT(text, HasSubstr("local (posix:/srv/local): no route to host"));
  EXPECT_THAT(text, HasSubstr("nothing: no backup with unbroken WAL yet"));
  EXPECT_THAT(text, HasSubstr("tidemark serve is not running"));
  EXPECT_THAT(text, HasSubstr("last backup   none"));
}

TEST(StatusText, ASlotThatDoesNotExistNamesTheRemedy) {
  ClusterReport report = sample_report();
  report.slot.reset();
  EXPECT_THAT(render_status_text(report), HasSubstr("'tidemark' does not exist; run tidemark init"));
}

TEST(ListText, NamesTheRepositoriesOfEachBackup) {
  const std::string text = render_list_text(sample_report());
  EXPECT_THAT(text, HasSubstr("20261122T030100Z-1f3a  full"));
  EXPECT_THAT(text, HasSubstr("in local, offsite"));
  EXPECT_THAT(text, HasSubstr("restores from 2026-11-22T03:01:20.000000Z, WAL 0/2000028 to 0/2000138"));
}

TEST(Health, IsSilentWhenAllIsWell) { EXPECT_EQ(render_health({sample_report()}), ""); }

TEST(Health, GivesAReasonALine) {
  ClusterReport report = unknown_report();
  report.service = sample_service();
  report.service->state = "server_unavailable";
  report.service->last_error = "connection refused\nIs the server running?";
  EXPECT_EQ(render_health({report}),
            "main: RPO unknown; objective 5.0 s: MISSED\n"
            "main: not streaming: server_unavailable: connection refused Is the server running?\n"
            "main: repository local: no route to host\n");
}

TEST(Health, AFailedBackupIsAReason) {
  ClusterReport report = sample_report();
  report.service->backup_error = "no space left on device";
  EXPECT_EQ(render_health({report}), "main: the last backup failed: no space left on device\n");
}

TEST(Health, AnOptionalRepositoryIsNoReason) {
  ClusterReport report = sample_report();
  report.repositories[1].error = "no route to host";
  EXPECT_EQ(render_health({report}), "");
}

TEST(Objectives, AnUnknownFigureIsMissed) {
  ClusterReport report = sample_report();
  EXPECT_TRUE(objectives_are_met(report));
  report.rto.reset();
  EXPECT_FALSE(objectives_are_met(report));
  report = sample_report();
  report.rpo.seconds = 5.1;
  EXPECT_FALSE(objectives_are_met(report));
  EXPECT_FALSE(objectives_are_met(unknown_report()));
}

}  // namespace
}  // namespace tidemark::monitor
