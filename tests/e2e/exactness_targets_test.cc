// Every kind of target but times under load: positions, names, transactions, both ends; and what is refused.

#include <fmt/format.h>

#include <fstream>

#include "exactness_support.h"

namespace tidemark::test {
namespace {

using namespace std::chrono_literals;

LedgerOptions short_load(int clients = 4, int transactions = 60) {
  LedgerOptions options;
  options.clients = clients;
  options.transactions = transactions;
  options.two_phase = true;
  return options;
}

// A backup with load before and behind it.
void run_around_a_backup(Scene& scene) {
  scene.ledger.run();
  scene.begin();
  scene.ledger.run();
}

std::string create_restore_point(Scene& scene, const std::string& name) {
  return scene.cluster.sql(fmt::format("SELECT pg_create_restore_point('{}')", name));
}

TEST(Exactness, ReachesALatestThatIsTheEndOfTheArchive) {
  Scene scene(short_load());
  run_around_a_backup(scene);
  scene.finish();
  expect_restores(scene, "latest", kEverything);
}

TEST(Exactness, ReachesTheEndOfABackup) {
  Scene scene(short_load());
  run_around_a_backup(scene);
  scene.ledger.start();
  const auto id = scene.backup();
  scene.ledger.stop();
  scene.finish();
  const auto planned = plan(scene.tidemark, "immediate", {"--backup", id});
  ASSERT_EQ(planned.exit_status, 0) << planned.told();
  // The stop is the backup's own last record, which its stop position follows.
  const Lsn stop = lsn_of(planned.document.at("target").at("lsn"));
  EXPECT_EQ(planned.document.at("backup"), id);
  for (const Json& backup : scene.tidemark.list().at("backups")) {
    if (backup.at("id") != id) continue;
    EXPECT_GT(stop, lsn_of(backup.at("start_lsn")));
    EXPECT_LT(stop, lsn_of(backup.at("stop_lsn")));
  }
  expect_restores(scene, "immediate", stop + 1, std::nullopt, {"--backup", id});
}

TEST(Exactness, ReachesPositionsInTheWal) {
  Scene scene(short_load());
  run_around_a_backup(scene);
  const auto flush = Lsn::parse(scene.cluster.sql("SELECT pg_current_wal_flush_lsn()")).value();
  scene.ledger.run();
  scene.finish();
  expect_restores(scene, "lsn:" + flush.to_string(), flush);
  // At a commit's record: it starts there, so it is left out; one byte later it is kept.
  const Lsn commit = scene.truth.commit_near(0.9).commit_lsn;
  expect_restores(scene, "lsn:" + commit.to_string(), commit);
  expect_restores(scene, "lsn:" + (commit + 1).to_string(), commit + 1);
}

TEST(Exactness, ReachesTransactions) {
  Scene scene(short_load());
  run_around_a_backup(scene);
  scene.finish();
  const auto& late = scene.truth.commit_near(0.8);
  expect_restores(scene, fmt::format("xid:{}", late.xid), late.commit_lsn + 1);
  expect_restores(scene, fmt::format("before-xid:{}", late.xid), late.commit_lsn);
  const auto aborted = std::find_if(scene.truth.ends.rbegin(), scene.truth.ends.rend(),
                                    [](const auto& end) { return end.kind == TransactionEnd::Kind::abort; });
  ASSERT_NE(aborted, scene.truth.ends.rend());
  expect_restores(scene, fmt::format("xid:{}", aborted->xid), aborted->lsn + 1);
}

TEST(Exactness, ReachesARestorePoint) {
  Scene scene(short_load());
  run_around_a_backup(scene);
  scene.ledger.start();
  const auto point = Lsn::parse(create_restore_point(scene, "before_release")).value();
  scene.ledger.wait();
  scene.finish();
  expect_restores(scene, "name:before_release", point);
}

TEST(Exactness, ReachesTheIdleTimeRightAfterAFirstBackup) {
  Scene scene(short_load());
  scene.ledger.run();
  scene.begin();
  scene.tidemark.wait_until_looked_at();
  scene.tidemark.stop_service();
  scene.read_truth();
  const Json window = scene.tidemark.only_window();
  EXPECT_EQ(window.at("to_basis"), "idle");
  const Instant from = instant_of(window.at("from")), to = instant_of(window.at("to"));
  ASSERT_LT(from, to);
  expect_restores(scene, from.to_iso(), kEverything, from);
  expect_restores(scene, (from + (to - from) / 2).to_iso(), kEverything, from + (to - from) / 2);
  expect_restores(scene, "latest", kEverything);
  expect_restores(scene, "immediate", kEverything);
}

TEST(Exactness, KeepsATransactionPreparedBehindTheLastCommit) {
  Scene scene(short_load());
  run_around_a_backup(scene);
  scene.tidemark.wait_until_archived();
  auto client = scene.cluster.connect();
  client.query("BEGIN");
  client.query("INSERT INTO ledger VALUES (-1, 0, 0, 'prepared')");
  client.query("PREPARE TRANSACTION 'behind'");
  scene.tidemark.wait_until_looked_at();
  scene.tidemark.stop_service();
  scene.read_truth();
  ASSERT_EQ(scene.truth.ends.back().kind, TransactionEnd::Kind::prepare);
  const Instant to = instant_of(scene.tidemark.only_window().at("to"));
  ASSERT_GT(to, scene.truth.ends.back().time);
  for (const auto& target : {std::string("latest"), to.to_iso()}) {
    auto restored = restore(scene, target);
    expect_exact(restored, scene.truth, kEverything);
    if (HasFatalFailure()) return;
    EXPECT_EQ(restored.result.document.at("prepared_transactions"), Json::array({"behind"}));
    EXPECT_EQ(restored.server->sql("SELECT gid FROM pg_prepared_xacts"), "behind");
    restored.server->sql("COMMIT PREPARED 'behind'");
    EXPECT_EQ(restored.server->sql("SELECT payload FROM ledger WHERE id = -1"), "prepared");
  }
}

TEST(Exactness, GivesTheSameRowsFromEveryBackup) {
  Scene scene(short_load());
  run_around_a_backup(scene);
  scene.ledger.start();
  scene.backup();
  scene.ledger.wait();
  scene.backup();
  scene.ledger.run();
  scene.finish();
  const Json backups = scene.tidemark.list().at("backups");
  ASSERT_EQ(backups.size(), 3U);
  const auto& commit = scene.truth.commit_near(0.95);
  const Lsn limit = scene.truth.limit_for(commit.commit_time);
  for (const Json& backup : backups) {
    const std::string id = backup.at("id");
    auto restored = restore(scene, commit.commit_time.to_iso(), {"--backup", id});
    expect_exact(restored, scene.truth, limit, commit.commit_time);
    if (HasFatalFailure()) return;
    EXPECT_EQ(restored.plan().at("backup"), id);
  }
  expect_restores(scene, commit.commit_time.to_iso(), limit, commit.commit_time);
}

TEST(Exactness, LeavesIndexesAndTablesSound) {
  Scene scene(short_load(8, 200));
  scene.cluster.sql("CREATE TABLE words(id serial PRIMARY KEY, word text, n int)");
  scene.cluster.sql("CREATE INDEX ON words(word)");
  scene.ledger.start();
  scene.begin();
  scene.cluster.sql("INSERT INTO words(word, n) SELECT md5(g::text), g FROM generate_series(1, 20000) g");
  scene.backup();
  scene.cluster.sql("UPDATE words SET n = n + 1, word = md5(word) WHERE id % 3 = 0");
  scene.ledger.wait();
  scene.ledger.run();
  scene.finish();
  const auto& commit = scene.truth.commit_near(0.97);
  auto restored = restore(scene, commit.commit_time.to_iso());
  expect_exact(restored, scene.truth, scene.truth.limit_for(commit.commit_time), commit.commit_time);
  if (HasFatalFailure()) return;
  // What was prepared at that moment is pending, rightly, and its locks would keep pg_amcheck waiting.
  for (std::string gid; !(gid = restored.server->sql("SELECT min(gid) FROM pg_prepared_xacts")).empty();) {
    restored.server->sql("ROLLBACK PREPARED '" + gid + "'");
  }
  const auto told = restored.server->run(
      "pg_amcheck", {"--install-missing", "--heapallindexed", "--parent-check", "--database", "postgres"});
  EXPECT_EQ(told.find("ERROR"), std::string::npos) << told;
}

// Names of everything in a folder, with sizes.
std::vector<std::string> contents(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    names.push_back(
        fmt::format("{} {}", entry.path().string(), entry.is_regular_file() ? entry.file_size() : 0));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void expect_names_the_window(const CommandResult& refused, const Json& window) {
  const std::string all = refused.errors;
  EXPECT_NE(all.find(window.at("from").get<std::string>()), std::string::npos) << all;
  EXPECT_NE(all.find(window.at("to").get<std::string>()), std::string::npos) << all;
}

TEST(Exactness, RefusesWhatCannotBeReachedAndTouchesNothing) {
  Scene scene(short_load());
  run_around_a_backup(scene);
  create_restore_point(scene, "twice");
  scene.ledger.run();
  create_restore_point(scene, "twice");
  scene.finish();
  const Json window = scene.tidemark.only_window();
  const Instant from = instant_of(window.at("from")), to = instant_of(window.at("to"));
  const auto before = contents(scene.tidemark.repository());
  const auto refuse = [&](const std::string& target, const std::string& code,
                          const std::vector<std::string>& more = {}) {
    SCOPED_TRACE(target);
    auto restored = restore(scene, target, more);
    expect_refused(restored.result, code, restored.directory);
    return restored.result;
  };
  expect_names_the_window(refuse((from - 1us).to_iso(), "target_before_window"), window);
  const auto late = refuse((to + 1us).to_iso(), "target_after_window");
  expect_names_the_window(late, window);
  EXPECT_NE(late.hint().find(to.to_iso()), std::string::npos) << late.hint();
  const auto twice = refuse("name:twice", "name_ambiguous");
  EXPECT_NE(twice.hint().find("lsn:"), std::string::npos) << twice.hint();
  refuse("name:never", "name_unknown");
  refuse("xid:4000000", "xid_unknown");
  refuse("before-xid:4000000", "xid_unknown");
  refuse("lsn:7/0", "lsn_not_reachable");
  refuse("latest", "timeline_unknown", {"--timeline", "7"});

  EXPECT_EQ(restore(scene, "2026-11-22 10:00:00").result.exit_status, 2) << "a time without a zone";
  EXPECT_EQ(contents(scene.tidemark.repository()), before);
}

TEST(Exactness, RefusesDirectoriesThatAreInUse) {
  Scene scene(short_load());
  scene.begin();
  scene.finish();
  const auto into = [&](const std::filesystem::path& folder) {
    return scene.tidemark.run({"restore", "--to", "latest", "--target-dir", folder.string(), "--start"});
  };
  const auto live = contents(scene.cluster.data_directory() / "base");
  expect_refused(into(scene.cluster.data_directory()), "live_server");
  EXPECT_EQ(contents(scene.cluster.data_directory() / "base"), live);

  const auto occupied = scene.new_target();
  std::filesystem::create_directory(occupied);
  write_text_file(occupied / "mine", "precious");
  expect_refused(into(occupied), "target_not_empty");
  EXPECT_EQ(contents(occupied).size(), 1U);
  EXPECT_EQ(read_text_file(occupied / "mine"), "precious");
}

}  // namespace
}  // namespace tidemark::test
