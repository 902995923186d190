#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "monitor/render.h"
#include "monitor/service_answer.h"
#include "sample_report.h"

namespace tidemark::monitor {
namespace {

using Json = nlohmann::json;

Json cluster_of(const std::string& text) {
  const Json json = Json::parse(text);
  EXPECT_EQ(json.at("format"), 1);
  EXPECT_EQ(json.at("clusters").size(), 1U);
  return json.at("clusters").at(0);
}

TEST(StatusJson, HasEveryFieldOfTheContract) {
  const Json cluster = cluster_of(render_status_json({sample_report()}));
  EXPECT_EQ(cluster.at("name"), "main");
  EXPECT_EQ(cluster.at("timeline"), 1);
  EXPECT_EQ(cluster.at("primary_lsn"), "0/4000200");
  EXPECT_EQ(cluster.at("archived_lsn"), "0/4000000");
  EXPECT_EQ(cluster.at("rpo"), (Json{{"state", "exact"},
                                     {"seconds", 1.5},
                                     {"bytes", 512},
                                     {"as_of", "2026-11-22T03:05:00.000000Z"},
                                     {"objective_seconds", 5.0},
                                     {"met", true}}));
  EXPECT_EQ(cluster.at("rto").at("estimate_seconds"), 42.0);
  EXPECT_EQ(cluster.at("rto").at("objective_seconds"), 600.0);
  EXPECT_EQ(cluster.at("rto").at("met"), true);
  EXPECT_EQ(cluster.at("rto").at("basis"), "measured");
  const Json& window = cluster.at("windows").at(0);
  EXPECT_EQ(window.at("timeline"), 1);
  EXPECT_EQ(window.at("from"), "2026-11-22T03:01:20.000000Z");
  EXPECT_EQ(window.at("to"), "2026-11-22T03:04:59.250000Z");
  EXPECT_EQ(window.at("from_lsn"), "0/2000138");
  EXPECT_EQ(window.at("to_lsn"), "0/4000000");
  EXPECT_EQ(window.at("to_basis"), "idle");
  EXPECT_EQ(cluster.at("gaps").size(), 1U);
  EXPECT_EQ(cluster.at("repositories").at(0).at("archived_lsn"), "0/4000000");
  EXPECT_EQ(cluster.at("slot").at("retained_bytes"), 512);
  EXPECT_EQ(cluster.at("last_backup").at("id"), "20261122T030100Z-1f3a");
  EXPECT_TRUE(cluster.at("last_drill").is_null());
  EXPECT_EQ(cluster.at("service").at("state"), "streaming");
}

TEST(StatusJson, WhatIsUnknownIsNull) {
  const Json cluster = cluster_of(render_status_json({unknown_report()}));
  for (const char* key : {"timeline", "primary_lsn", "archived_lsn", "slot", "last_backup", "last_drill"}) {
    EXPECT_TRUE(cluster.at(key).is_null()) << key;
  }
  EXPECT_EQ(cluster.at("rpo").at("state"), "unknown");
  EXPECT_TRUE(cluster.at("rpo").at("seconds").is_null());
  EXPECT_EQ(cluster.at("rpo").at("met"), false);
  EXPECT_TRUE(cluster.at("rto").at("estimate_seconds").is_null());
  EXPECT_TRUE(cluster.at("rto").at("met").is_null());
  EXPECT_EQ(cluster.at("windows"), Json::array());
  EXPECT_EQ(cluster.at("repositories").at(0).at("error"), "no route to host");
}

TEST(StatusJson, ServesNamesThatAreNoUtf8) {
  ClusterReport report = unknown_report();
  report.primary_error = "FATAL:  r\xf4le inconnu";
  EXPECT_NO_THROW(Json::parse(render_status_json({report})));
}

TEST(ListJson, JoinsABackupThatLiesInTwoRepositories) {
  ClusterReport report = sample_report();
  auto& offsite = *report.repositories[1].inventory;
  offsite.backups.push_back(sample_backup(2));
  offsite.keep_until[sample_backup(2).id] = at(86'400);
  offsite.verified_at[sample_backup(1).id] = at(200);
  const Json cluster = cluster_of(render_list_json({report}));
  ASSERT_EQ(cluster.at("backups").size(), 2U);
  const Json& first = cluster.at("backups").at(0);
  EXPECT_EQ(first.at("id"), "20261122T030100Z-1f3a");
  EXPECT_EQ(first.at("repositories"), (Json{"local", "offsite"}));
  EXPECT_EQ(first.at("verified_at"), "2026-11-22T03:03:20.000000Z");
  EXPECT_TRUE(first.at("keep_until").is_null());
  for (const char* key : {"kind", "parent", "timeline", "start_lsn", "stop_lsn", "started", "finished",
                          "bytes", "stored_bytes", "new_bytes", "postgres_version", "bad_pages"}) {
    EXPECT_TRUE(first.contains(key)) << key;
  }
  const Json& second = cluster.at("backups").at(1);
  EXPECT_EQ(second.at("repositories"), Json{"offsite"});
  EXPECT_EQ(second.at("keep_until"), "2026-11-23T03:00:00.000000Z");
  EXPECT_EQ(cluster.at("windows").size(), 1U);
  EXPECT_EQ(cluster.at("gaps").at(0).at("from_lsn"), "0/1000000");
}

TEST(ServiceAnswer, ReadsBackWhatTheServiceRendered) {
  const std::string answer = render_status_json({sample_report()});
  ClusterReport own = unknown_report();
  add_service_answer(own, answer);
  ASSERT_TRUE(own.service);
  EXPECT_EQ(own.service->state, "streaming");
  EXPECT_EQ(own.service->flush, Lsn(0x4000000));
  EXPECT_EQ(own.rpo.state, catalog::RpoState::exact);
  EXPECT_EQ(own.rpo.seconds, 1.5);
}

TEST(ServiceAnswer, IgnoresWhatItCannotRead) {
  for (const char* answer : {"", "not json", "[]", R"({"clusters":7})", R"({"clusters":[{"name":"other"}]})",
                             R"({"clusters":[{"name":"main","rpo":"?","service":[]}]})"}) {
    ClusterReport own = unknown_report();
    add_service_answer(own, answer);
    EXPECT_EQ(own.rpo.state, catalog::RpoState::unknown) << answer;
  }
}

}  // namespace
}  // namespace tidemark::monitor
