// Restores to moments, compared row by row with the truth: everything before the first commit or abort
// stamped later, in WAL order. design.md "The contract for exact".

#include <fmt/format.h>

#include <random>
#include <thread>

#include "exactness_support.h"
#include "tidemark/clock.h"

namespace tidemark::test {
namespace {

using namespace std::chrono_literals;

LedgerOptions many_clients(int clients = 8) {
  LedgerOptions options;
  options.clients = clients;
  options.transactions = 1'000'000;  // until it is stopped
  options.two_phase = true;
  options.pause = 4ms;
  options.seed = std::random_device()();
  return options;
}

// Under load: a first backup by the service, one while the load runs, an idle stretch, one more.
struct Course {
  std::vector<std::string> backups;
  Instant idle_from, idle_to;
};
Course run_course(Scene& scene) {
  Course course;
  scene.ledger.start();
  scene.begin();
  course.backups.push_back(scene.backup());
  scene.ledger.stop();
  course.idle_from = system_clock().now();
  std::this_thread::sleep_for(700ms);
  course.idle_to = system_clock().now();
  scene.ledger.start();
  course.backups.push_back(scene.backup());
  eventually(
      [seen = scene.ledger.acknowledged() + 300, &scene] { return scene.ledger.acknowledged() >= seen; });
  scene.ledger.stop();
  scene.finish();
  return course;
}

Instant random_moment(std::mt19937_64& random, Instant from, Instant to) {
  std::uniform_int_distribution<std::int64_t> distance(0, (to - from).count());
  return from + Microseconds(distance(random));
}

// The stamp of a commit that lies behind one stamped later, if the load brought that about: clock order and
// WAL order differ, and the later one stops the replay.
std::optional<Instant> moment_out_of_order(const Truth& truth, Instant from) {
  Instant latest = from;
  for (const auto& end : truth.ends) {
    const bool ended = end.kind != TransactionEnd::Kind::prepare;
    const bool committed =
        end.kind == TransactionEnd::Kind::commit || end.kind == TransactionEnd::Kind::commit_prepared;
    if (committed && end.time < latest && end.time > from) return end.time;
    if (ended) latest = std::max(latest, end.time);
  }
  return std::nullopt;
}

TEST(Exactness, RestoresToMomentsChosenAtRandom) {
  const auto load = many_clients();
  Scene scene(load);
  const Course course = run_course(scene);
  const Json window = scene.tidemark.only_window();
  const Instant from = instant_of(window.at("from")), to = instant_of(window.at("to"));
  std::mt19937_64 random(load.seed);
  SCOPED_TRACE(fmt::format("seed {}", load.seed));

  std::vector<Instant> moments;
  for (int i = 0; i < rounds(2, 40); ++i) moments.push_back(random_moment(random, from, to));
  const auto chosen = std::find_if(
      scene.truth.commits.begin(), scene.truth.commits.end(),
      [&](const auto& one) { return one.commit_time > random_moment(random, course.idle_to, to); });
  const Instant commit =
      chosen == scene.truth.commits.end() ? scene.truth.commits.back().commit_time : chosen->commit_time;
  moments.insert(moments.end(), {commit, commit - 1us, commit + 1us});
  moments.push_back(random_moment(random, course.idle_from, course.idle_to));
  moments.push_back(to);
  if (const auto crossed = moment_out_of_order(scene.truth, from)) moments.push_back(*crossed);

  const auto last_end = scene.truth.ends.back();
  EXPECT_EQ(window.at("to_basis"), "idle");
  EXPECT_GT(to, last_end.time);
  for (const Instant moment : moments) {
    expect_restores(scene, moment.to_iso(), scene.truth.limit_for(moment), moment);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace tidemark::test
