#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/fake_clock.h"
#include "harness/temporary_folder.h"
#include "service/archive_keeper.h"
#include "service/backup_keeper.h"
#include "service/logged_progress.h"
#include "service/report_keeper.h"
#include "store/memory_store.h"
#include "tidemark/log.h"

namespace tidemark::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ArchiveTarget target(int major, std::uint64_t system_id) {
  return {{"main", major, SystemId(system_id)}, {}};
}

TEST(ChooseTarget, TheServerDecides) {
  EXPECT_EQ(choose_target("main", target(15, 7), {}), target(15, 7));
  EXPECT_EQ(choose_target("main", target(15, 7), {target(15, 7), target(16, 8)}), target(15, 7));
}

TEST(ChooseTarget, WithoutItTheNewestKnownOne) {
  EXPECT_EQ(choose_target("main", std::nullopt, {target(15, 7), target(16, 8)}), target(16, 8));
  EXPECT_EQ(choose_target("main", std::nullopt, {}), std::nullopt);
}

TEST(ChooseTarget, AServerThatNobodyKnowsIsRefused) {
  try {
    choose_target("main", target(15, 9), {target(15, 7)});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "other_cluster");
    EXPECT_THAT(error.hint(), HasSubstr("tidemark init"));
  }
}

// Log lines while it lives.
class CaughtLog {
 public:
  CaughtLog() {
    set_log_sink([this](LogLevel, std::string_view, std::string_view text) { lines.emplace_back(text); });
  }
  ~CaughtLog() { set_log_sink({}); }
  std::vector<std::string> lines;
};

ClusterService unreachable_cluster(std::function<std::shared_ptr<repository::Repository>()> open) {
  ClusterService cluster;
  cluster.name = "main";
  cluster.connection.connection_string = "host=/nonexistent user=nobody";
  cluster.repositories = {{"local", "memory", true, std::move(open)}};
  return cluster;
}

// Stops a run after that many waits.
class StoppingClock final : public Clock {
 public:
  explicit StoppingClock(int waits) : left_(waits) {}
  Instant now() const override { return clock_.now(); }
  std::chrono::steady_clock::time_point steady() const override { return clock_.steady(); }
  bool sleep(Microseconds span, const StopToken& stop) override {
    if (--left_ <= 0) source.request_stop();
    return clock_.sleep(span, stop);
  }
  std::vector<Microseconds> sleeps() const { return clock_.sleeps(); }
  StopSource source;

 private:
  harness::FakeClock clock_;
  int left_;
};

TEST(ArchiveKeeper, KeepsTryingARepositoryThatCannotBeOpened) {
  const CaughtLog log;
  int tries = 0;
  const auto cluster = unreachable_cluster([&]() -> std::shared_ptr<repository::Repository> {
    ++tries;
    throw Error(ErrorKind::io, "the device is gone");
  });
  StoppingClock clock(7);
  ArchiveKeeper keeper(cluster, "/nonexistent", disk::real_ops(), clock);
  keeper.run(clock.source.token());
  EXPECT_EQ(tries, 7);
  EXPECT_EQ(keeper.status().state, archive::ArchiveState::waiting_for_repository);
  EXPECT_THAT(keeper.status().last_error, HasSubstr("the device is gone"));
  EXPECT_EQ(keeper.status().counters.errors.at("repository_not_open"), 7U);
  EXPECT_EQ(keeper.repositories().at(0).error, "the device is gone");
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("repository local cannot be opened: the device is gone"),
                                     HasSubstr("is required and cannot be opened")))
      << "one line a change, not one a try";
}

TEST(ArchiveKeeper, WaitsForAServerThatNobodyKnowsYet) {
  const CaughtLog log;
  repository::RepositoryOptions options;
  options.name = "local";
  const auto opened = repository::Repository::create(std::make_shared<store::MemoryStore>(), options);
  const auto cluster = unreachable_cluster([&] { return opened; });
  StoppingClock clock(2);
  ArchiveKeeper keeper(cluster, "/nonexistent", disk::real_ops(), clock);
  keeper.run(clock.source.token());
  EXPECT_EQ(keeper.status().state, archive::ArchiveState::server_unavailable);
  EXPECT_THAT(keeper.status().last_error, HasSubstr("no repository knows cluster main yet"));
  EXPECT_THAT(keeper.archives(), IsEmpty());
  EXPECT_FALSE(keeper.wait_until_durable(Lsn(1), clock.steady(), {}));
}

TEST(BackupKeeper, SaysOnceThatItNeedsTheDataDirectory) {
  const CaughtLog log;
  const auto cluster = unreachable_cluster({});
  StoppingClock clock(2);
  const ArchiveKeeper archives(cluster, "/nonexistent", disk::real_ops(), clock);
  BackupKeeper keeper(cluster, archives, clock);
  keeper.run(clock.source.token());
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("set data_directory")));
}

TEST(BackupKeeper, WaitsUntilWalIsStreamed) {
  auto cluster = unreachable_cluster({});
  cluster.data_directory = "/nonexistent";
  StoppingClock clock(3);
  const ArchiveKeeper archives(cluster, "/nonexistent", disk::real_ops(), clock);
  BackupKeeper keeper(cluster, archives, clock);
  keeper.run(clock.source.token());
  EXPECT_FALSE(keeper.state().running);
  EXPECT_EQ(keeper.state().last_error, "");
}

TEST(ReportKeeper, AnswersBeforeAnythingWasRead) {
  auto cluster = unreachable_cluster({});
  StoppingClock clock(2);
  const ArchiveKeeper archives(cluster, "/nonexistent", disk::real_ops(), clock);
  const BackupKeeper backups(cluster, archives, clock);
  ReportKeeper keeper(cluster, "/nonexistent", archives, backups, clock);
  const auto before = keeper.report();
  EXPECT_EQ(before.name, "main");
  EXPECT_EQ(before.rpo.state, catalog::RpoState::unknown);
  EXPECT_EQ(before.rpo_objective_seconds, 5);
  ASSERT_TRUE(before.service);
  EXPECT_EQ(before.repositories.at(0).error, kNotOpenYet);
}

TEST(ReportKeeper, ReadsOnceTheRepositoriesWereTried) {
  const CaughtLog log;
  const auto cluster = unreachable_cluster(
      []() -> std::shared_ptr<repository::Repository> { throw Error(ErrorKind::io, "the device is gone"); });
  StoppingClock clock(2);
  ArchiveKeeper archives(cluster, "/nonexistent", disk::real_ops(), clock);
  const BackupKeeper backups(cluster, archives, clock);
  archives.run(clock.source.token());
  StoppingClock once(1);
  ReportKeeper reader(cluster, "/nonexistent", archives, backups, once);
  reader.run(once.source.token());
  EXPECT_EQ(reader.report().repositories.at(0).error, "the device is gone");
  EXPECT_EQ(once.sleeps().size(), 0U) << "stopped at the first pause, which comes after the reading";
  EXPECT_GT(reader.report().service->spool_free_bytes, 0U) << "of the file system that would hold it";
}

TEST(PauseAfterReading, BoundsTheShareOfTimeThatReadingsTake) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  EXPECT_EQ(pause_after_reading(milliseconds(5)), seconds(2));
  EXPECT_EQ(pause_after_reading(milliseconds(700)), seconds(7));
  EXPECT_EQ(pause_after_reading(seconds(30)), seconds(60));
}

TEST(LoggedProgress, SaysRateAndTimeLeftOnceAMinute) {
  const CaughtLog log;
  harness::FakeClock clock;
  LoggedProgress progress("main", clock);
  progress.begin("copying files", 10'000'000'000);
  progress.advance(1'000'000'000);
  clock.advance(std::chrono::seconds(60));
  progress.advance(500'000'000);
  progress.advance(1);
  EXPECT_THAT(log.lines, ElementsAre("main: copying files: 1.5 GB of 10.0 GB, 25.0 MB/s, 6 min left"));
}

TEST(Texts, ReadWell) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1234), "1.2 kB");
  EXPECT_EQ(bytes_text(345e9), "345 GB");
  EXPECT_EQ(span_text(0.25), "0.2 s");
  EXPECT_EQ(span_text(60), "60 s");
  EXPECT_EQ(span_text(600), "10 min");
  EXPECT_EQ(span_text(7200), "2.0 h");
}

}  // namespace
}  // namespace tidemark::service
