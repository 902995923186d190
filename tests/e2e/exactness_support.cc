#include "exactness_support.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "harness/free_port.h"
#include "tidemark/error.h"

namespace tidemark::test {

namespace fs = std::filesystem;

namespace {

using Kind = TransactionEnd::Kind;

bool committed(const TransactionEnd& end) {
  return end.kind == Kind::commit || end.kind == Kind::commit_prepared;
}

std::vector<std::string> with_kept_wal(std::vector<std::string> settings) {
  settings.emplace_back("wal_keep_size = 4GB");  // the truth is read from all of it
  return settings;
}

ClusterOptions cluster_options(const std::vector<std::string>& settings) {
  ClusterOptions options;
  options.settings = with_kept_wal(settings);
  return options;
}

void expect_transaction(const Json& told, const std::optional<TransactionEnd>& expected, const char* which) {
  if (!expected) {
    EXPECT_TRUE(told.is_null()) << which << ": " << told;
    return;
  }
  ASSERT_TRUE(told.is_object()) << which << ": expected xid " << expected->xid << " at "
                                << expected->lsn.to_string();
  EXPECT_EQ(told.at("xid"), expected->xid) << which;
  EXPECT_EQ(told.at("commit_time"), expected->time.to_iso()) << which;
  EXPECT_EQ(told.at("lsn"), expected->lsn.to_string()) << which;
}

}  // namespace

bool deep() { return std::getenv("TIDEMARK_DEEP") != nullptr; }
int rounds(int usual, int when_deep) { return deep() ? when_deep : usual; }

std::optional<TransactionEnd> Truth::last_commit_before(Lsn limit) const {
  const auto found = std::find_if(ends.rbegin(), ends.rend(),
                                  [&](const auto& end) { return committed(end) && end.lsn < limit; });
  return found == ends.rend() ? std::nullopt : std::optional(*found);
}

std::optional<TransactionEnd> Truth::first_end_from(Lsn limit) const {
  const auto found = std::find_if(ends.begin(), ends.end(), [&](const auto& end) {
    return end.kind != Kind::prepare && end.lsn >= limit;
  });
  return found == ends.end() ? std::nullopt : std::optional(*found);
}

std::size_t Truth::commits_stamped_until(Instant asked, Lsn from) const {
  return static_cast<std::size_t>(std::count_if(ends.begin(), ends.end(), [&](const auto& end) {
    return committed(end) && end.lsn >= from && end.time <= asked;
  }));
}

Lsn Truth::limit_for(Instant asked) const {
  const Lsn stopper = test::first_end_after(ends, asked);
  return stopper.valid() ? stopper : kEverything;
}

std::optional<TransactionEnd> Truth::end_of(std::uint64_t xid) const {
  const auto found = std::find_if(ends.begin(), ends.end(), [&](const auto& end) {
    return end.kind != Kind::prepare && end.xid == static_cast<std::uint32_t>(xid);
  });
  return found == ends.end() ? std::nullopt : std::optional(*found);
}

const CommittedTransaction& Truth::commit_near(double fraction) const {
  TIDEMARK_CHECK(!commits.empty());
  const auto at = static_cast<std::size_t>(fraction * static_cast<double>(commits.size()));
  return commits[std::min(at, commits.size() - 1)];
}

Scene::Scene(const LedgerOptions& load, const TidemarkOptions& options,
             const std::vector<std::string>& settings)
    : cluster(cluster_options(settings)),
      tidemark(std::string(TIDEMARK_BINARY_DIR) + "/tidemark", cluster, options),
      ledger(cluster.connection_string(), load) {}

void Scene::begin() {
  const auto made = tidemark.run({"init"});
  if (made.exit_status != 0) throw Error(ErrorKind::internal, "init failed: " + made.told());
  tidemark.start_service();
  const bool backed_up =
      eventually([&] { return !tidemark.list().at("backups").empty(); }, std::chrono::seconds(60));
  if (!backed_up) {
    throw Error(ErrorKind::internal, "the service takes no first backup:\n" + tidemark.service_log());
  }
}

std::string Scene::backup() { return tidemark.must({"backup", "--full"}).at("id"); }

void Scene::finish() {
  tidemark.wait_until_archived();
  // Nothing happens any more: the end of the service stores the proof.
  tidemark.wait_until_looked_at();
  tidemark.stop_service();
  read_truth();
}

void Scene::read_truth(TimelineId timeline) {
  truth.ends = read_transaction_ends(cluster.data_directory() / "pg_wal", timeline);
  truth.commits = ledger.truth(truth.ends);
}

fs::path Scene::new_target() { return tidemark.folder() / fmt::format("restored-{}", ++targets_); }

std::size_t Scene::receipts() const {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(tidemark.repository() / "clusters")) {
    if (entry.path().filename().string().find("-receipt-") != std::string::npos) ++count;
  }
  return count;
}

fs::path Scene::wal_folder(const fs::path& repository, int timeline) {
  for (const auto& entry : fs::directory_iterator(repository / "clusters" / "main")) {
    return entry.path() / "wal" / fmt::format("{:08X}", timeline);
  }
  throw Error(ErrorKind::internal, "the repository holds no cluster");
}

Restored restore(Scene& scene, const TidemarkProgram& program, const std::string& to,
                 const std::vector<std::string>& more) {
  Restored restored;
  restored.directory = scene.new_target();
  std::vector<std::string> arguments = {"restore",
                                        "--to",
                                        to,
                                        "--target-dir",
                                        restored.directory.string(),
                                        "--start",
                                        "--port",
                                        std::to_string(free_port())};
  arguments.insert(arguments.end(), more.begin(), more.end());
  restored.result = program.run(arguments);
  if (fs::exists(restored.directory / "postmaster.pid")) {
    restored.server = std::make_unique<RestoredServer>(restored.directory);
  }
  return restored;
}

Restored restore(Scene& scene, const std::string& to, const std::vector<std::string>& more) {
  return restore(scene, scene.tidemark, to, more);
}

CommandResult plan(const TidemarkProgram& program, const std::string& to,
                   const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"restore", "--plan", "--to", to};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return program.run(arguments);
}

void expect_plan_agrees(const Json& plan, const Truth& truth, Lsn limit, std::optional<Instant> asked) {
  expect_transaction(plan.at("last_kept"), truth.last_commit_before(limit), "last kept");
  expect_transaction(plan.at("first_dropped"), truth.first_end_from(limit), "first dropped");
  if (!asked) return;
  EXPECT_EQ(plan.at("target").at("resolved"), asked->to_iso());
  EXPECT_EQ(plan.at("skipped_older"), truth.commits_stamped_until(*asked, limit));
  // The replay's stop is the stopper itself, wherever the backup's own end does not lie behind it.
  if (limit != kEverything && plan.at("target").at("reason") != "backup_end") {
    EXPECT_EQ(plan.at("target").at("lsn"), limit.to_string());
    EXPECT_EQ(plan.at("target").at("inclusive"), false);
  }
}

void expect_exact(Restored& restored, const Truth& truth, Lsn limit, std::optional<Instant> asked) {
  ASSERT_EQ(restored.result.exit_status, 0)
      << restored.result.told() << read_text_file(restored.directory / "tidemark.server.log");
  const Json& receipt = restored.result.document;
  EXPECT_EQ(receipt.at("exact"), true) << receipt.dump(2);
  EXPECT_EQ(receipt.at("differences"), Json::array());
  expect_plan_agrees(receipt.at("plan"), truth, limit, asked);
  const Lsn planned = lsn_of(receipt.at("plan").at("target").at("lsn"));
  const Lsn reached = lsn_of(receipt.at("reached").at("lsn"));
  if (receipt.at("plan").at("target").at("inclusive") == true) {
    EXPECT_GT(reached, planned);
  } else if (receipt.at("plan").at("target").at("reason") != "lsn") {  // which may lie inside a record
    EXPECT_LE(reached, planned);
    EXPECT_LE(planned - reached, 40U) << "more than a page header lies between";
  }
  ASSERT_TRUE(restored.server != nullptr) << receipt.dump(2);
  auto connection = restored.server->connect();
  EXPECT_EQ(difference(rows_before(truth.commits, limit), read_rows(connection)), "");
  EXPECT_EQ(connection.query("SELECT pg_is_in_recovery()").value(), "f");
}

void expect_restores(Scene& scene, const std::string& to, Lsn limit, std::optional<Instant> asked,
                     const std::vector<std::string>& more) {
  SCOPED_TRACE("--to " + to);
  const auto planned = plan(scene.tidemark, to, more);
  ASSERT_EQ(planned.exit_status, 0) << planned.told();
  const auto receipts = scene.receipts();
  auto restored = restore(scene, to, more);
  expect_exact(restored, scene.truth, limit, asked);
  if (testing::Test::HasFatalFailure()) return;
  for (const char* key : {"target", "backup", "timeline", "last_kept", "first_dropped", "skipped_older"}) {
    EXPECT_EQ(restored.plan().at(key), planned.document.at(key)) << key;
  }
  EXPECT_EQ(scene.receipts(), receipts + 1) << "the receipt is not stored";
}

void expect_refused(const CommandResult& result, const std::string& code, const fs::path& directory) {
  EXPECT_EQ(result.exit_status, 3) << result.told();
  EXPECT_EQ(result.code(), code) << result.told();
  EXPECT_NE(result.hint(), "") << result.told();
  if (!directory.empty()) {
    EXPECT_FALSE(fs::exists(directory)) << "the refusal touched " << directory;
  }
}

Instant instant_of(const Json& text) {
  const auto time = Instant::parse_iso(text.get<std::string>());
  if (!time) throw Error(ErrorKind::internal, "no time: " + text.dump());
  return *time;
}

Lsn lsn_of(const Json& text) {
  const auto lsn = Lsn::parse(text.get<std::string>());
  if (!lsn) throw Error(ErrorKind::internal, "no LSN: " + text.dump());
  return *lsn;
}

}  // namespace tidemark::test
