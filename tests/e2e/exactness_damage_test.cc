// Plans prove the presence of what they need: with a segment, a piece or a timeline's history taken out of
// the repository by hand they refuse, and what is still whole stays reachable.

#include <fmt/format.h>

#include <algorithm>

#include "exactness_support.h"
#include "harness/cluster_template.h"

namespace tidemark::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

LedgerOptions short_load() {
  LedgerOptions options;
  options.clients = 4;
  options.transactions = 50;
  options.two_phase = true;
  return options;
}

std::vector<fs::path> objects_of(const fs::path& folder, const std::string& segment) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().filename().string().starts_with(segment)) {
      found.push_back(entry.path());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Refused, whichever of the reasons is nearer to hand: the window ends at the hole, or the WAL is missing.
void expect_hole(const CommandResult& result) {
  EXPECT_EQ(result.exit_status, 3) << result.told();
  const std::vector<std::string> codes = {"target_after_window", "target_in_gap", "wal_missing",
                                          "lsn_not_reachable", "xid_unknown"};
  EXPECT_NE(std::find(codes.begin(), codes.end(), result.code()), codes.end()) << result.told();
  EXPECT_NE(result.hint(), "") << result.told();
}

// Everything behind the hole is refused; what lies before it is not, and is exactly what it was.
void expect_reachable_up_to(const TidemarkProgram& damaged, const Truth& truth, Lsn hole) {
  const auto& behind = truth.commits.back();
  const auto before = std::find_if(truth.commits.rbegin(), truth.commits.rend(),
                                   [&](const auto& commit) { return commit.commit_lsn + 4096 < hole; });
  ASSERT_NE(before, truth.commits.rend());
  expect_hole(plan(damaged, behind.commit_time.to_iso()));
  expect_hole(plan(damaged, "lsn:" + behind.commit_lsn.to_string()));
  expect_hole(plan(damaged, fmt::format("xid:{}", behind.xid)));

  const Lsn limit = truth.limit_for(before->commit_time - 1us);
  const auto still = plan(damaged, (before->commit_time - 1us).to_iso());
  ASSERT_EQ(still.exit_status, 0) << still.told();
  expect_plan_agrees(still.document, truth, limit);

  // The end of what is left: never silently taken for the end of everything.
  const auto latest = plan(damaged, "latest");
  if (latest.exit_status == 0) {
    EXPECT_LE(lsn_of(latest.document.at("target").at("lsn")), hole);
    EXPECT_NE(latest.document.at("notes"), Json::array()) << latest.told();
  } else {
    expect_hole(latest);
  }
}

TEST(Exactness, RefusesWhenASegmentInTheMiddleIsMissing) {
  Scene scene(short_load());
  scene.begin();
  scene.ledger.run();
  scene.cluster.sql("SELECT pg_switch_wal()");
  const std::string missing = scene.cluster.sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())");
  const Lsn hole = Lsn::parse(scene.cluster.sql("SELECT pg_current_wal_insert_lsn()")).value();
  for (int i = 0; i < 2; ++i) {
    scene.ledger.run();
    scene.cluster.sql("SELECT pg_switch_wal()");
  }
  scene.ledger.run();
  scene.finish();
  const auto damaged = scene.tidemark.with_repository_copy("damaged");
  EXPECT_EQ(plan(*damaged, "latest").exit_status, 0);
  const auto objects = objects_of(Scene::wal_folder(damaged->repository()), missing);
  ASSERT_FALSE(objects.empty());
  for (const auto& object : objects) fs::remove(object);
  expect_reachable_up_to(*damaged, scene.truth, hole);
}

TEST(Exactness, RefusesWhenOnePieceIsMissing) {
  Scene scene(short_load());
  scene.begin();
  std::vector<Lsn> ends;
  for (int i = 0; i < 3; ++i) {  // each run of the service begins an object of its own
    scene.ledger.run();
    scene.tidemark.wait_until_archived();
    ends.push_back(Lsn::parse(scene.cluster.sql("SELECT pg_current_wal_flush_lsn()")).value());
    scene.tidemark.stop_service();
    scene.tidemark.start_service();
  }
  scene.ledger.run();
  scene.finish();
  const auto damaged = scene.tidemark.with_repository_copy("damaged");
  const std::string segment = scene.cluster.sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())");
  const auto pieces = objects_of(Scene::wal_folder(damaged->repository()), segment);
  ASSERT_GE(pieces.size(), 3U);
  const auto missing = pieces[pieces.size() - 2];
  EXPECT_NE(missing.filename().string().find('.'), std::string::npos) << missing;
  // "<segment>.open.<start>" or "<segment>.<start>-<end>"
  auto start = missing.filename().string().substr(segment.size() + 1);
  if (start.starts_with("open.")) start.erase(0, 5);
  const Lsn hole(std::stoull(start.substr(0, 16), nullptr, 16));
  fs::remove(missing);
  expect_reachable_up_to(*damaged, scene.truth, hole);
}

// The primary becomes a standby of its own and is promoted: a second timeline in one archive.
void promote_in_place(PostgresCluster& cluster) {
  cluster.stop();
  const auto signal = cluster.data_directory() / "standby.signal";
  write_text_file(signal, "");
  give_to_server_user(signal);
  cluster.start();
  cluster.promote();
}

// Both timelines' transactions in WAL order: the second begins in a copy of the first's last segment.
void read_truth_of_two_timelines(Scene& scene) {
  const auto folder = scene.cluster.data_directory() / "pg_wal";
  auto ends = read_transaction_ends(folder, TimelineId(1));
  const auto second = read_transaction_ends(folder, TimelineId(2));
  const std::string history = read_text_file(folder / "00000002.history");
  const auto begin = history.find_first_of('\t') + 1;
  const Lsn switched = Lsn::parse(history.substr(begin, history.find_first_of('\t', begin) - begin)).value();
  std::erase_if(ends, [&](const auto& end) { return end.lsn >= switched; });
  for (const auto& end : second) {
    if (end.lsn >= switched) ends.push_back(end);
  }
  scene.truth.ends = ends;
  scene.truth.commits = scene.ledger.truth(ends);
}

TEST(Exactness, FollowsAPromotionAndRefusesWithoutItsHistory) {
  Scene scene(short_load());
  scene.begin();
  scene.ledger.run();
  scene.tidemark.wait_until_archived();
  const auto first_part = scene.ledger.acknowledged();
  promote_in_place(scene.cluster);
  scene.ledger.run();
  scene.tidemark.wait_until_archived();
  scene.tidemark.stop_service();
  read_truth_of_two_timelines(scene);
  ASSERT_GT(scene.truth.commits.size(), first_part);

  expect_restores(scene, "latest", kEverything);
  const auto& before = scene.truth.commits.at(first_part / 2);
  const auto& behind = scene.truth.commits.at((first_part + scene.truth.commits.size()) / 2);
  for (const auto* commit : {&before, &behind}) {
    expect_restores(scene, commit->commit_time.to_iso(), scene.truth.limit_for(commit->commit_time),
                    commit->commit_time);
  }

  const auto damaged = scene.tidemark.with_repository_copy("damaged");
  const auto history = Scene::wal_folder(damaged->repository(), 2) / "history";
  ASSERT_TRUE(fs::exists(history));
  fs::remove(history);
  expect_refused(plan(*damaged, "latest"), "history_missing");
  expect_refused(plan(*damaged, "latest", {"--timeline", "2"}), "history_missing");
  const auto refused = plan(*damaged, behind.commit_time.to_iso());
  EXPECT_EQ(refused.exit_status, 3) << refused.told();
}

}  // namespace
}  // namespace tidemark::test
