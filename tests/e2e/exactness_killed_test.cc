// Programs that are killed at any moment: no row is lost, and the next run goes on.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <thread>

#include "exactness_support.h"
#include "harness/free_port.h"
#include "tidemark/error.h"

namespace tidemark::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

LedgerOptions endless_load(int clients = 8) {
  LedgerOptions options;
  options.clients = clients;
  options.transactions = 1'000'000;
  options.two_phase = true;
  options.pause = 2ms;
  options.seed = std::random_device()();
  return options;
}

class RandomMoments {
 public:
  explicit RandomMoments(unsigned seed) : random_(seed) {}
  void wait(std::chrono::milliseconds least, std::chrono::milliseconds most) {
    std::uniform_int_distribution<std::int64_t> span(least.count(), most.count());
    std::this_thread::sleep_for(std::chrono::milliseconds(span(random_)));
  }

 private:
  std::mt19937 random_;
};

void expect_whole_window(const Scene& scene) {
  const Json list = scene.tidemark.list();
  EXPECT_EQ(list.at("gaps"), Json::array());
  EXPECT_EQ(list.at("windows").size(), 1U) << list.at("windows").dump(2);
}

TEST(Exactness, LosesNoRowWhenTheServiceIsKilled) {
  const auto load = endless_load();
  SCOPED_TRACE(fmt::format("seed {}", load.seed));
  Scene scene(load);
  RandomMoments moments(load.seed);
  scene.begin();
  scene.ledger.start();
  for (int i = 0; i < rounds(4, 40); ++i) {
    moments.wait(50ms, 900ms);
    scene.tidemark.kill_service();
    moments.wait(0ms, 200ms);
    if (i % 2 == 1) scene.cluster.sql("SELECT pg_switch_wal()");
    scene.tidemark.start_service();
  }
  scene.ledger.stop();
  scene.finish();
  expect_whole_window(scene);
  expect_restores(scene, "latest", kEverything);
  const auto& commit = scene.truth.commit_near(0.6);
  expect_restores(scene, commit.commit_time.to_iso(), scene.truth.limit_for(commit.commit_time),
                  commit.commit_time);
}

// With the archive as the synchronous standby, what a client was told is in the repository, whatever dies.
TEST(Exactness, LosesNothingAcknowledgedWhenPrimaryAndServiceDie) {
  const auto load = endless_load();
  SCOPED_TRACE(fmt::format("seed {}", load.seed));
  Scene scene(load);
  RandomMoments moments(load.seed);
  scene.begin();
  scene.cluster.append_configuration({"synchronous_standby_names = 'tidemark'"});
  scene.cluster.sql("SELECT pg_reload_conf()");
  const bool synchronous = eventually([&] {
    return scene.cluster.sql(
               "SELECT sync_state FROM pg_stat_replication WHERE application_name = "
               "'tidemark'") == "sync";
  });
  ASSERT_TRUE(synchronous);
  scene.ledger.start();
  ASSERT_TRUE(eventually([&] { return scene.ledger.acknowledged() > 100; }, 60s));
  moments.wait(0ms, 700ms);
  scene.tidemark.kill_service();
  scene.cluster.kill();
  scene.ledger.wait();
  scene.read_truth();

  const auto planned = plan(scene.tidemark, "latest");
  ASSERT_EQ(planned.exit_status, 0) << planned.told();
  const Lsn kept = lsn_of(planned.document.at("last_kept").at("lsn"));
  std::size_t acknowledged = 0;
  for (const auto& commit : scene.truth.commits) {
    if (!commit.acknowledged) continue;
    ++acknowledged;
    EXPECT_LE(commit.commit_lsn, kept) << "xid " << commit.xid << " was acknowledged and is lost";
  }
  EXPECT_GT(acknowledged, 100U);
  auto restored = restore(scene, "latest");
  ASSERT_EQ(restored.result.exit_status, 0) << restored.result.told();
  auto connection = restored.server->connect();
  EXPECT_EQ(difference(rows_before(scene.truth.commits, kept + 1), read_rows(connection)), "");
}

TEST(Exactness, TakesABackupAfterBackupsThatWereKilled) {
  const auto load = endless_load(4);
  SCOPED_TRACE(fmt::format("seed {}", load.seed));
  Scene scene(load);
  RandomMoments moments(load.seed);
  scene.begin();
  scene.ledger.start();
  std::size_t complete = scene.tidemark.list().at("backups").size();
  for (int i = 0; i < rounds(4, 30); ++i) {
    auto backup = scene.tidemark.begin({"backup", "--full"}, fmt::format("backup-{}", i));
    moments.wait(10ms, 600ms);
    backup->kill();
    const auto listed = scene.tidemark.list().at("backups").size();
    EXPECT_GE(listed, complete);
    EXPECT_LE(listed, complete + 1);  // it may have been through
    complete = listed;
  }
  const auto id = scene.backup();
  scene.ledger.stop();
  scene.finish();
  EXPECT_EQ(scene.tidemark.list().at("backups").size(), complete + 1);
  expect_restores(scene, "latest", kEverything, std::nullopt, {"--backup", id});
}

// Waits until the copy is under way, and kills it there; false when it was through before.
bool kill_while_copying(Scene& scene, const fs::path& target, int attempt) {
  auto process = scene.tidemark.begin({"restore", "--to", "latest", "--target-dir", target.string()},
                                      fmt::format("restore-{}", attempt));
  eventually([&] { return fs::exists(target / "base") || !process->running(); }, 30s);
  process->kill();
  return !fs::exists(target / "global" / "pg_control");
}

TEST(Exactness, RestoresAgainAfterARestoreThatWasKilled) {
  const auto load = endless_load(4);
  Scene scene(load);
  scene.ledger.start();
  scene.begin();
  scene.cluster.sql(
      "CREATE TABLE ballast AS SELECT g, repeat(md5(g::text), 20) FROM generate_series(1, 60000) g");
  scene.backup();
  scene.ledger.stop();
  scene.finish();
  fs::path target = scene.new_target();
  int attempt = 0;
  while (!kill_while_copying(scene, target, attempt) && ++attempt < 10) target = scene.new_target();
  ASSERT_LT(attempt, 10) << "no restore was caught half-way";

  const auto port = std::to_string(free_port());
  auto again = Restored{scene.tidemark.run({"restore", "--to", "latest", "--target-dir", target.string(),
                                            "--start", "--port", port}),
                        target, nullptr};
  ASSERT_TRUE(fs::exists(target / "postmaster.pid")) << again.result.told();
  again.server = std::make_unique<RestoredServer>(target);
  expect_exact(again, scene.truth, kEverything);
}

// Killed while the server recovers: the server neither opens by itself nor is it taken over.
TEST(Exactness, LeavesAKilledRecoveryShut) {
  const auto load = endless_load(4);
  Scene scene(load);
  scene.begin();
  scene.ledger.start();
  ASSERT_TRUE(eventually([&] { return scene.ledger.acknowledged() > 2000; }, 60s));
  scene.ledger.stop();
  scene.finish();
  const auto target = scene.new_target();
  const std::vector<std::string> command = {
      "restore",       "--to",    "latest", "--target-dir",
      target.string(), "--start", "--port", std::to_string(free_port())};
  auto process = scene.tidemark.begin(command, "restore");
  ASSERT_TRUE(eventually([&] { return fs::exists(target / "postmaster.pid") || !process->running(); }, 60s));
  process->kill();
  const auto again = scene.tidemark.run(command);
  EXPECT_EQ(again.exit_status, 3) << again.told();
  EXPECT_TRUE(again.code() == "live_server" || again.code() == "target_not_empty") << again.told();
  // Its replay goes on by itself, to the target and not beyond: it opens only after the check, which it
  // lacks.
  RestoredServer server(target);
  std::string recovering;
  const bool answered = eventually([&] {
    try {
      recovering = server.run("psql", {"-Atc", "SELECT pg_is_in_recovery()"});
    } catch (const Error&) {
      return false;  // not consistent yet
    }
    return true;
  });
  ASSERT_TRUE(answered) << read_text_file(target / "tidemark.server.log");
  if (!fs::exists(target / "tidemark.receipt.json")) {
    EXPECT_EQ(recovering, "t\n") << read_text_file(target / "tidemark.server.log");
  }
}

}  // namespace
}  // namespace tidemark::test
