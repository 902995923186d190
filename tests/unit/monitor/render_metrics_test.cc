#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "harness/program.h"
#include "monitor/render.h"
#include "sample_report.h"

namespace tidemark::monitor {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPromtool = "/usr/bin/promtool";

void expect_promtool_agrees(const std::string& metrics) {
  if (!std::filesystem::exists(kPromtool)) GTEST_SKIP() << "promtool is not installed";
  test::ProgramOptions options;
  options.input = metrics;
  const auto checked = test::run_program(kPromtool, {"check", "metrics"}, options);
  EXPECT_EQ(checked.exit_status, 0) << checked.output << checked.errors;
}

TEST(Metrics, PassPromtool) {
  ClusterReport second = sample_report();
  second.name = "orders";
  expect_promtool_agrees(render_metrics({sample_report(), second}, "0.1.0"));
}

TEST(Metrics, PassPromtoolWithNothingKnown) {
  expect_promtool_agrees(render_metrics({unknown_report()}, "0.1.0"));
}

TEST(Metrics, PassPromtoolWithNamesThatNeedEscaping) {
  ClusterReport report = sample_report();
  report.repositories[0].name = "a \"quoted\\\"\nname";
  report.service->errors["odd\\code\""] = 1;
  const std::string metrics = render_metrics({report}, "0.1.0 \"dirty\"");
  EXPECT_THAT(metrics, HasSubstr(R"(repository="a \"quoted\\\"\nname")"));
  EXPECT_THAT(metrics, HasSubstr(R"(tidemark_build_info{version="0.1.0 \"dirty\""} 1)"));
  expect_promtool_agrees(metrics);
}

TEST(Metrics, AnUnknownRpoIsNaNAndMissed) {
  const std::string metrics = render_metrics({unknown_report()}, "0.1.0");
  EXPECT_THAT(metrics, HasSubstr("tidemark_rpo_seconds{cluster=\"main\"} NaN\n"));
  EXPECT_THAT(metrics, HasSubstr("tidemark_rpo_met{cluster=\"main\"} 0\n"));
  EXPECT_THAT(metrics, HasSubstr("tidemark_rpo_state{cluster=\"main\",state=\"unknown\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("tidemark_rpo_state{cluster=\"main\",state=\"exact\"} 0\n"));
  EXPECT_THAT(metrics, HasSubstr("tidemark_primary_up{cluster=\"main\"} 0\n"));
  EXPECT_THAT(metrics, Not(HasSubstr("tidemark_last_backup_bytes{")));
}

TEST(Metrics, ValuesAreThoseOfTheReport) {
  const std::string metrics = render_metrics({sample_report()}, "0.1.0");
  for (const char* line :
       {"tidemark_rpo_seconds{cluster=\"main\"} 1.5\n", "tidemark_rpo_bytes{cluster=\"main\"} 512\n",
        "tidemark_rto_predicted_seconds{cluster=\"main\"} 42\n", "tidemark_wal_gaps{cluster=\"main\"} 1\n",
        "tidemark_streaming{cluster=\"main\"} 1\n",
        "tidemark_repository_up{cluster=\"main\",repository=\"local\"} 1\n",
        "tidemark_repository_lsn_bytes{cluster=\"main\",repository=\"local\"} 67108864\n",
        "tidemark_slot_retained_bytes{cluster=\"main\"} 512\n",
        "tidemark_last_backup_duration_seconds{cluster=\"main\"} 20\n",
        "tidemark_errors_total{cluster=\"main\",code=\"connection_lost\"} 2\n"}) {
    EXPECT_THAT(metrics, HasSubstr(line));
  }
}

TEST(Metrics, KnownGapsDoNotCount) {
  ClusterReport report = sample_report();
  report.gaps[0].acknowledged = true;
  EXPECT_THAT(render_metrics({report}, "0.1.0"), HasSubstr("tidemark_wal_gaps{cluster=\"main\"} 0\n"));
}

TEST(Metrics, ALaneThatFailsMakesItsRepositoryDown) {
  ClusterReport report = sample_report();
  report.service->lane_errors["local"] = "no space left";
  EXPECT_THAT(render_metrics({report}, "0.1.0"),
              HasSubstr("tidemark_repository_up{cluster=\"main\",repository=\"local\"} 0\n"));
}

}  // namespace
}  // namespace tidemark::monitor
