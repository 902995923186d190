// `tidemark serve` as an operator meets it: the real program, a real server, signals and HTTP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <regex>

#include "harness/cluster_template.h"
#include "harness/program.h"
#include "harness/tidemark_program.h"
#include "web/http_client.h"

namespace tidemark::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kLimit = std::chrono::seconds(60);

class Serve : public ::testing::Test {
 protected:
  Serve() : tidemark_(std::string(TIDEMARK_BINARY_DIR) + "/tidemark", cluster_) {}

  // The port stands in the first line that the service logs.
  web::ListenAddress address() const {
    static const std::regex kAddress("http://127\\.0\\.0\\.1:([0-9]+)/healthz");
    const std::string log = tidemark_.service_log();
    std::smatch found;
    if (!std::regex_search(log, found, kAddress)) return {"127.0.0.1", 1};
    return {"127.0.0.1", static_cast<std::uint16_t>(std::stoi(found[1]))};
  }

  web::Response get(const std::string& path) const {
    return web::http_get(address(), path, std::chrono::seconds(5)).value_or(web::Response{0, "", ""});
  }

  // Waits until /healthz answers so; what it said last otherwise.
  std::string health_becomes(int status) const {
    web::Response last;
    const bool so = eventually([&] { return (last = get("/healthz")).status == status; }, kLimit);
    return so ? "" : last.body + tidemark_.service_log();
  }

  // A service that may come up with something missing, unlike TidemarkProgram's own.
  void serve() {
    service_ = tidemark_.begin({"serve"}, "service");
    ASSERT_TRUE(service_->wait_for_output("/healthz", kLimit)) << service_->output();
  }

  std::string log() const { return tidemark_.service_log(); }
  bool log_shows(const std::string& text) const {
    return eventually([&] { return log().find(text) != std::string::npos; }, kLimit);
  }

  PostgresCluster cluster_;
  TidemarkProgram tidemark_;
  std::unique_ptr<Process> service_;
};

Json only_cluster(const web::Response& status) { return Json::parse(status.body).at("clusters").at(0); }

TEST_F(Serve, StreamsTakesTheFirstBackupAndStopsCleanly) {
  tidemark_.must({"init"});
  serve();
  ASSERT_TRUE(log_shows("backup")) << log();
  ASSERT_TRUE(eventually([&] { return !tidemark_.list().at("backups").empty(); }, kLimit)) << log();
  ASSERT_EQ(health_becomes(200), "");
  EXPECT_EQ(get("/healthz").body, "ok\n");

  cluster_.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) i");
  const auto caught_up = [&] {
    const Json now = only_cluster(get("/status"));
    return now.at("rpo").at("state") == "exact" && now.at("rpo").at("seconds") == 0.0 &&
           !now.at("last_backup").is_null() && !now.at("windows").empty();
  };
  EXPECT_TRUE(eventually(caught_up, kLimit)) << get("/status").body << log();
  const Json status = only_cluster(get("/status"));
  EXPECT_EQ(status.at("service").at("state"), "streaming");
  EXPECT_EQ(status.at("slot").at("active"), true);
  EXPECT_EQ(status.at("repositories").at(0).at("error"), nullptr);

  const auto metrics = get("/metrics");
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("tidemark_streaming{cluster=\"main\"} 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr("tidemark_rpo_met{cluster=\"main\"} 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr("tidemark_repository_up{cluster=\"main\",repository=\"local\"} 1\n"));
  if (std::filesystem::exists("/usr/bin/promtool")) {
    ProgramOptions options;
    options.input = metrics.body;
    const auto checked = run_program("/usr/bin/promtool", {"check", "metrics"}, options);
    EXPECT_EQ(checked.exit_status, 0) << checked.output << checked.errors;
  }

  service_->terminate();
  EXPECT_EQ(service_->wait(std::chrono::seconds(15)), 0) << log();
  EXPECT_THAT(log(), HasSubstr("streaming timeline 1 from "));
  EXPECT_THAT(log(), HasSubstr("taking a full backup into local: no backup yet"));
  EXPECT_THAT(log(), HasSubstr("stopping on SIGTERM"));
  EXPECT_THAT(log(), Not(HasSubstr(" error "))) << "nothing went wrong, so nothing may say so";
}

TEST_F(Serve, TheSecondStartTakesNoSecondBackup) {
  tidemark_.must({"init"});
  serve();
  ASSERT_TRUE(log_shows(" finished: ")) << log();
  service_->terminate();
  ASSERT_EQ(service_->wait(kLimit), 0) << log();
  serve();
  ASSERT_EQ(health_becomes(200), "");
  EXPECT_EQ(tidemark_.list().at("backups").size(), 1U);
  service_->terminate();
  EXPECT_EQ(service_->wait(kLimit), 0) << log();
  EXPECT_EQ(tidemark_.list().at("backups").size(), 1U) << log();
}

TEST_F(Serve, ComesBackWithThePrimary) {
  tidemark_.must({"init"});
  serve();
  ASSERT_TRUE(log_shows(" finished: ")) << log();
  ASSERT_EQ(health_becomes(200), "");
  cluster_.stop();
  ASSERT_EQ(health_becomes(503), "");
  EXPECT_TRUE(
      eventually([&] { return get("/healthz").body.find("not streaming") != std::string::npos; }, kLimit));
  // The last look at the server is a second old at most.
  const auto shown_as_down = [&] {
    const Json down = only_cluster(get("/status"));
    return down.at("primary_lsn").is_null() && down.at("rpo").at("state") == "at_most";
  };
  EXPECT_TRUE(eventually(shown_as_down, kLimit)) << get("/status").body;
  ASSERT_TRUE(log_shows("not streaming: server_unavailable")) << log();
  cluster_.start();
  EXPECT_EQ(health_becomes(200), "");
  EXPECT_TRUE(log_shows("streaming again from")) << log();
}

TEST_F(Serve, ComesUpWhileThePrimaryIsDown) {
  tidemark_.must({"init"});
  cluster_.stop();
  serve();
  ASSERT_EQ(health_becomes(503), "");
  ASSERT_TRUE(log_shows("archiving PostgreSQL 15")) << "the repository knows which: " << log();
  cluster_.start();
  EXPECT_EQ(health_becomes(200), "");
}

TEST_F(Serve, ComesUpBeforeItsRepositoryIsThere) {
  tidemark_.must({"init"});
  const auto away = tidemark_.folder() / "away";
  std::filesystem::rename(tidemark_.repository(), away);
  serve();
  ASSERT_EQ(health_becomes(503), "");
  EXPECT_TRUE(log_shows("repository local cannot be opened")) << log();
  EXPECT_THAT(get("/healthz").body, HasSubstr("waiting_for_repository"));
  std::filesystem::rename(away, tidemark_.repository());
  EXPECT_EQ(health_becomes(200), "");
}

TEST_F(Serve, SaysThatARepositoryIsUnwritableAndRecovers) {
  tidemark_.must({"init"});
  serve();
  ASSERT_TRUE(log_shows(" finished: ")) << log();
  ASSERT_EQ(health_becomes(200), "");
  // A file where the folder was: also root cannot write there.
  const auto repository = tidemark_.repository();
  const auto away = tidemark_.folder() / "away";
  std::filesystem::rename(repository, away);
  write_text_file(repository, "in the way");
  cluster_.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) i");
  cluster_.sql("SELECT pg_switch_wal()");
  cluster_.sql("CREATE TABLE u AS SELECT generate_series(1, 1000) i");
  ASSERT_EQ(health_becomes(503), "");
  EXPECT_TRUE(eventually([&] { return get("/healthz").body.find("repository local: ") != std::string::npos; },
                         kLimit))
      << get("/healthz").body;
  EXPECT_TRUE(log_shows("main: repository local: ")) << log();
  std::filesystem::remove(repository);
  std::filesystem::rename(away, repository);
  EXPECT_EQ(health_becomes(200), "");
  EXPECT_TRUE(log_shows("repository local works again")) << log();
}

TEST_F(Serve, ASecondServiceWaitsForTheSlot) {
  tidemark_.must({"init"});
  tidemark_.start_service();
  // The same cluster and repository from another address.
  std::string configuration = read_text_file(tidemark_.configuration());
  configuration = std::regex_replace(configuration, std::regex("127\\.0\\.0\\.1:[0-9]+"), "127.0.0.1:0");
  const auto second = tidemark_.folder() / "second.yaml";
  write_text_file(second, configuration);
  give_to_server_user(second);
  ProgramOptions options;
  options.user = server_user();
  Process other(std::string(TIDEMARK_BINARY_DIR) + "/tidemark", {"--config", second.string(), "serve"},
                tidemark_.folder() / "other.log", options);
  EXPECT_TRUE(other.wait_for_output("is a second tidemark serve running for this cluster?", kLimit))
      << other.output();
  other.terminate();
  EXPECT_EQ(other.wait(std::chrono::seconds(15)), 0) << other.output();
  tidemark_.stop_service();
}

TEST_F(Serve, AnAddressThatIsTakenIsAnError) {
  tidemark_.must({"init"});
  tidemark_.start_service();
  const auto second = tidemark_.run({"serve"});
  EXPECT_EQ(second.exit_status, 2) << second.told();
  EXPECT_EQ(second.code(), "address_in_use");
  tidemark_.stop_service();
}

TEST_F(Serve, ASecondSignalEndsItAtOnce) {
  tidemark_.must({"init"});
  serve();
  ASSERT_TRUE(log_shows("streaming timeline")) << log();
  // What cannot be shipped would keep a clean stop waiting.
  const auto repository = tidemark_.repository();
  std::filesystem::rename(repository, tidemark_.folder() / "away");
  write_text_file(repository, "in the way");
  cluster_.sql("SELECT pg_switch_wal()");
  cluster_.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) i");
  ASSERT_TRUE(log_shows("main: repository local: ")) << log();
  service_->terminate();
  ASSERT_TRUE(service_->wait_for_output("stopping on SIGTERM", kLimit)) << log();
  service_->signal(SIGINT);
  EXPECT_EQ(service_->wait(std::chrono::seconds(5)), 128 + SIGINT) << log();
}

TEST_F(Serve, GivesUpARunningBackupWhenStopped) {
  cluster_.sql("CREATE TABLE big AS SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 150000) i");
  tidemark_.must({"init"});
  serve();
  ASSERT_TRUE(log_shows(" began at ")) << log();
  service_->terminate();
  EXPECT_EQ(service_->wait(std::chrono::seconds(15)), 0) << log();
  EXPECT_THAT(log(), Not(HasSubstr("the backup failed"))) << "a stop is no failure";
  const std::size_t backups = tidemark_.list().at("backups").size();
  EXPECT_EQ(backups, log().find(" finished: ") == std::string::npos ? 0U : 1U) << log();
  serve();
  EXPECT_TRUE(eventually([&] { return tidemark_.list().at("backups").size() == 1; }, kLimit)) << log();
}

TEST(ServeMisconfigured, SaysWhyABackupFailsAndWhenItTriesAgain) {
  const PostgresCluster cluster;
  const PostgresCluster other;
  TidemarkOptions options;
  options.data_directory = other.data_directory();
  const TidemarkProgram tidemark(std::string(TIDEMARK_BINARY_DIR) + "/tidemark", cluster, options);
  tidemark.must({"init"});
  const auto service = tidemark.begin({"serve"}, "service");
  ASSERT_TRUE(service->wait_for_output("the backup failed, the next try is in 60 s", kLimit))
      << service->output();
  EXPECT_THAT(service->output(), HasSubstr("hint: "));
  EXPECT_TRUE(service->running()) << "WAL is streamed all the same";
  service->terminate();
  EXPECT_EQ(service->wait(std::chrono::seconds(15)), 0) << service->output();
}

TEST_F(Serve, ServesTwoClusters) {
  const PostgresCluster orders;
  std::string configuration = read_text_file(tidemark_.configuration());
  const std::string head = "clusters:\n";
  ASSERT_EQ(configuration.rfind(head, 0), 0U);
  configuration.insert(head.size(), "  orders:\n    connection: " + orders.connection_string() +
                                        "\n    data_directory: " + orders.data_directory().string() + "\n");
  write_text_file(tidemark_.configuration(), configuration);
  tidemark_.must({"--cluster", "main", "init"});
  tidemark_.must({"--cluster", "orders", "init"});
  serve();
  ASSERT_EQ(health_becomes(200), "");
  const auto both_have_a_backup = [&] {
    const Json clusters = Json::parse(get("/status").body).at("clusters");
    return clusters.size() == 2 && !clusters[0].at("last_backup").is_null() &&
           !clusters[1].at("last_backup").is_null();
  };
  EXPECT_TRUE(eventually(both_have_a_backup, kLimit)) << get("/status").body << log();
  // One that is down does not disturb the other.
  cluster_.stop();
  ASSERT_EQ(health_becomes(503), "");
  EXPECT_THAT(get("/healthz").body, Not(HasSubstr("orders")));
  orders.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) i");
  EXPECT_TRUE(eventually(
      [&] {
        return get("/metrics").body.find("tidemark_rpo_seconds{cluster=\"orders\"} 0\n") != std::string::npos;
      },
      kLimit));
  service_->terminate();
  EXPECT_EQ(service_->wait(std::chrono::seconds(15)), 0) << log();
}

}  // namespace
}  // namespace tidemark::test
