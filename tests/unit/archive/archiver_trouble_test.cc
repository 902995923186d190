// The archiver and repositories that fail, hang, were away or are new, and a server that shuts down
// meanwhile.

#include "archive/archiver.h"
#include "unit/archive/archiving.h"

namespace tidemark::archive {
namespace {

using test::Archiving;
using test::eventually;
using test::Gate;
using test::kSmallSegment;
using test::WalWriter;

constexpr std::uint64_t kMiB = 1U << 20;
const TimelineId kOne(1);

WalWriter load(std::size_t bytes, std::uint32_t seed = 1) {
  WalWriter writer({.segment_size = kSmallSegment});
  test::write_load(writer, bytes, seed);
  return writer;
}

TEST(ArchiverTrouble, FailingRepositoryFreezesFlushButNotWrite) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(kMiB + 500'000);
  test.serve(writer, writer.start() + 100'000);
  test.start();
  EXPECT_TRUE(test.told(writer.start() + 100'000));
  repository.gate->set(Gate::Mode::failing);
  test.server.flush_to(writer.end());
  EXPECT_TRUE(eventually([&] { return test.server.told().write >= writer.end(); }));
  EXPECT_EQ(test.server.told().flush, writer.start() + 100'000);
  EXPECT_TRUE(eventually([&] { return test.archiver->status().lanes.at(0).state == LaneState::failing; }));
  EXPECT_NE(test.archiver->status().lanes.at(0).last_error, "");
  repository.gate->set(Gate::Mode::open);
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_EQ(test.archiver->status().lanes.at(0).last_error, "");
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
}

TEST(ArchiverTrouble, HangingRepositoryHoldsTheServerBackAndStatusGoesOn) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(9 * kMiB);
  repository.gate->set(Gate::Mode::hanging);
  test.serve(writer, writer.end());
  test.start();
  EXPECT_TRUE(test.reaches(ArchiveState::waiting_for_repository));
  const auto statuses = test.server.statuses();
  EXPECT_TRUE(eventually([&] { return test.server.statuses() > statuses + 3; }));
  EXPECT_LE(test.archiver->status().received, writer.start() + 4 * kMiB);
  EXPECT_EQ(test.server.told().flush, writer.start());
  repository.gate->set(Gate::Mode::open);
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
}

TEST(ArchiverTrouble, StopWhileHeldBackEndsAndLosesNothing) {
  Archiving test;
  auto& repository = test.add("local");
  test.options.drain_limit = std::chrono::milliseconds(50);
  const WalWriter writer = load(9 * kMiB);
  test.serve(writer, writer.end());
  repository.gate->set(Gate::Mode::failing);
  test.start();
  EXPECT_TRUE(test.reaches(ArchiveState::waiting_for_repository));
  test.stop();
  repository.gate->set(Gate::Mode::open);
  test.start();
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
}

TEST(ArchiverTrouble, OptionalRepositoryHoldsUpNobodyAndCatchesUp) {
  Archiving test;
  auto& local = test.add("local");
  auto& offsite = test.add("offsite", false);
  const WalWriter writer = load(12 * kMiB);
  test.serve(writer, writer.start() + 100'000);
  test.start();
  EXPECT_TRUE(test.told(writer.start() + 100'000));
  EXPECT_TRUE(
      eventually([&] { return offsite.holds(writer, kOne, writer.start(), writer.start() + 100'000); }));
  offsite.gate->set(Gate::Mode::hanging);
  test.server.flush_to(writer.end());
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_TRUE(local.holds(writer, kOne, writer.start(), writer.end()));
  EXPECT_FALSE(offsite.holds(writer, kOne, writer.start(), writer.end()));
  offsite.gate->set(Gate::Mode::open);
  EXPECT_TRUE(eventually([&] { return offsite.holds(writer, kOne, writer.start(), writer.end()); }));
  EXPECT_EQ(test.archiver->status().lanes.at(1).state, LaneState::shipping);
}

TEST(ArchiverTrouble, OptionalRepositoryThatWasAwayCatchesUpInANewProcess) {
  Archiving test;
  test.add("local");
  auto& offsite = test.add("offsite", false);
  const WalWriter writer = load(6 * kMiB);
  test.serve(writer, writer.start() + 300'000);
  test.start();
  EXPECT_TRUE(test.told(writer.start() + 300'000));
  EXPECT_TRUE(
      eventually([&] { return offsite.holds(writer, kOne, writer.start(), writer.start() + 300'000); }));
  offsite.gate->set(Gate::Mode::failing);
  test.server.flush_to(writer.start() + 5 * kMiB);
  EXPECT_TRUE(test.told(writer.start() + 5 * kMiB));
  test.options.drain_limit = std::chrono::milliseconds(10);
  test.stop();
  offsite.gate->set(Gate::Mode::open);
  test.server.flush_to(writer.end());
  test.start();
  EXPECT_TRUE(eventually([&] { return offsite.holds(writer, kOne, writer.start(), writer.end()); }));
}

TEST(ArchiverTrouble, WorstRequiredRepositoryDecides) {
  Archiving test;
  auto& one = test.add("one");
  auto& two = test.add("two", true, false);
  const WalWriter writer = load(kMiB);
  test.serve(writer, writer.end());
  two.gate->set(Gate::Mode::failing);
  test.start();
  EXPECT_TRUE(eventually([&] { return one.holds(writer, kOne, writer.start(), writer.end()); }));
  EXPECT_EQ(test.server.told().flush, writer.start());
  two.gate->set(Gate::Mode::open);
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_TRUE(two.holds(writer, kOne, writer.start(), writer.end()));
}

TEST(ArchiverTrouble, RequiredRepositoryThatIsBehindGetsWhatItMissed) {
  Archiving test;
  auto& one = test.add("one");
  const WalWriter writer = load(3 * kMiB + 100'000);
  test.serve(writer, writer.start() + 2 * kMiB + 100'000);
  test.start();
  EXPECT_TRUE(test.told(writer.start() + 2 * kMiB + 100'000));
  test.stop();
  auto& two = test.add("two");
  test.server.flush_to(writer.end());
  test.start();
  EXPECT_TRUE(eventually([&] { return two.holds(writer, kOne, writer.start(), writer.end()); }));
  EXPECT_TRUE(one.holds(writer, kOne, writer.start(), writer.end()));
}

TEST(ArchiverTrouble, ShutdownIsAnsweredByShippingAtOnce) {
  Archiving test;
  auto& repository = test.add("local");
  test.options.rpo_objective = std::chrono::hours(1);
  test.options.idle_ship_age = std::chrono::hours(1);
  const WalWriter writer = load(300'000);
  test.serve(writer, writer.end());
  test.start();
  EXPECT_TRUE(test.received(writer.end()));
  EXPECT_LT(test.server.told().flush, writer.end());
  test.server.shut_down();
  EXPECT_TRUE(eventually([&] { return test.server.left(); }));
  EXPECT_EQ(test.server.told().flush, writer.end());
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
  EXPECT_TRUE(test.reaches(ArchiveState::server_unavailable));
}

TEST(ArchiverTrouble, ShutdownIsNotHeldUpByARepositoryThatHangs) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(300'000);
  test.serve(writer, writer.end());
  repository.gate->set(Gate::Mode::hanging);
  test.start();
  EXPECT_TRUE(test.received(writer.end()));
  test.server.shut_down();
  EXPECT_TRUE(eventually([&] { return test.server.left(); }));
  EXPECT_EQ(test.server.told().flush, writer.start());
  EXPECT_GE(test.archiver->status().counters.errors.at("let_go"), 1U);
}

TEST(ArchiverTrouble, ShutdownBehindAFullWindowIsNotHeldUp) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(9 * kMiB);
  test.serve(writer, writer.end());
  repository.gate->set(Gate::Mode::hanging);
  test.start();
  EXPECT_TRUE(test.reaches(ArchiveState::waiting_for_repository));
  test.server.shut_down();
  EXPECT_TRUE(eventually([&] { return test.server.left(); }));
}

}  // namespace
}  // namespace tidemark::archive
