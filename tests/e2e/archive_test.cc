// The archiver against a real server: what is flushed is archived, byte for byte as pg_wal has it; what is
// promised survives kill -9 of either side; the server's shutdown is not held up.

#include "archive/archiver.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "harness/postgres_cluster.h"
#include "harness/program.h"
#include "harness/transaction_ends.h"
#include "store/posix_store.h"
#include "tidemark/error.h"

namespace tidemark::archive {
namespace {

using test::ClusterOptions;
using test::eventually;
using test::PostgresCluster;

constexpr auto kLong = std::chrono::seconds(40);

class ArchiveEndToEnd : public testing::Test {
 protected:
  void begin(ClusterOptions cluster_options = {}) {
    cluster_options.settings.insert(cluster_options.settings.end(),
                                    {"wal_level = replica", "max_wal_senders = 10", "wal_keep_size = '2GB'"});
    cluster = std::make_unique<PostgresCluster>(cluster_options);
    auto connection = cluster->connect();
    const auto facts = postgres::read_server_facts(connection);
    segment_size = *wal::SegmentSize::from_bytes(facts.segment_bytes);
    incarnation = {"main", connection.major(), facts.system_id};
    options.spool = scratch.path() / "spool";
    options.rpo_objective = std::chrono::milliseconds(500);
    options.first_reconnect = std::chrono::milliseconds(50);
    options.longest_reconnect = std::chrono::milliseconds(500);
    options.look_interval = std::chrono::milliseconds(100);
    postgres::create_physical_slot(connection, options.slot);
    begun = facts.timeline;
  }
  std::shared_ptr<repository::WalArchive> open_archive() const {
    repository::RepositoryOptions repository_options;
    repository_options.name = "local";
    return std::make_shared<repository::WalArchive>(
        repository::Repository::create(
            store::open_posix_store(scratch.path() / "repository", disk::real_ops()), repository_options),
        incarnation, segment_size);
  }
  ArchivePorts ports() const {
    postgres::ConnectionOptions connection;
    connection.connection_string = cluster->connection_string();
    return archive_ports(connection, disk::real_ops(), system_clock());
  }
  void start() {
    source = StopSource();
    archiver = std::make_unique<Archiver>(options, Archives{open_archive()}, ports());
    thread = std::thread([this, token = source.token()] {
      try {
        archiver->run(token);
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  void stop() {
    if (!thread.joinable()) return;
    source.request_stop();
    thread.join();
  }
  void TearDown() override { stop(); }

  Lsn lsn(const std::string& expression) const { return *Lsn::parse(cluster->sql("select " + expression)); }
  bool archived(Lsn position) const {
    return archiver->wait_until_durable(position, std::chrono::steady_clock::now() + kLong, StopToken());
  }
  std::string sender(const std::string& column) const {
    return cluster->sql("select " + column + " from pg_stat_replication where application_name = 'tidemark'");
  }
  void load(int transactions) const {
    cluster->run("pgbench", {"-n", "-c", "4", "-t", std::to_string(transactions), "-d", "postgres"});
  }
  void make_tables(int scale = 1) const {
    cluster->run("pgbench", {"-i", "-q", "-s", std::to_string(scale), "-d", "postgres"});
  }
  // [first archived byte, to) of the archive is what the server's files hold. Returns how many bytes were
  // compared.
  std::uint64_t compare_with_pg_wal(TimelineId timeline, Lsn to) const {
    const auto archive = open_archive();
    const auto ranges = archive->list(timeline);
    if (ranges.empty()) return 0;
    std::uint64_t compared = 0;
    for (Lsn at = ranges.front().start; at < to;) {
      const auto number = wal::segment_of_start(at, segment_size);
      const auto name = wal::segment_file_name(timeline, number, segment_size);
      const auto held = archive->read_segment(timeline, number);
      const Lsn end = std::min(to, number.end(segment_size));
      if (!held || held->valid_end < end) {
        ADD_FAILURE() << name << " ends at " << (held ? held->valid_end.to_string() : "nothing")
                      << ", wanted " << end.to_string();
        return compared;
      }
      const Bytes file = disk::read_whole_file(cluster->data_directory() / "pg_wal" / name);
      EXPECT_TRUE(std::equal(file.begin(),
                             file.begin() + static_cast<std::ptrdiff_t>(end - number.start(segment_size)),
                             held->bytes.begin()))
          << name;
      compared += end - at;
      at = end;
    }
    return compared;
  }

  test::ScratchFolder scratch;
  std::unique_ptr<PostgresCluster> cluster;
  catalog::Incarnation incarnation;
  wal::SegmentSize segment_size;
  TimelineId begun;
  ArchiveOptions options;
  std::unique_ptr<Archiver> archiver;
  StopSource source;
  std::thread thread;
};

TEST_F(ArchiveEndToEnd, ArchivesWhatTheServerFlushesByteForByte) {
  begin();
  start();
  make_tables(2);
  load(300);
  const Lsn end = lsn("pg_current_wal_flush_lsn()");
  ASSERT_TRUE(archived(end));
  EXPECT_GT(compare_with_pg_wal(begun, end), 20U << 20);
  const auto status = archiver->status();
  EXPECT_EQ(status.state, ArchiveState::streaming);
  EXPECT_TRUE(status.server_answers);
  EXPECT_EQ(status.sync_state, "async");
  EXPECT_TRUE(eventually([&] { return archiver->status().last_proof.has_value(); }));
}

TEST_F(ArchiveEndToEnd, TransactionEndsAreIndexedAsPgWaldumpSeesThem) {
  begin({.segment_megabytes = 1});
  start();
  make_tables();
  load(400);
  stop();
  start();  // in the middle of a segment
  load(400);
  const Lsn end = lsn("pg_current_wal_flush_lsn()");
  ASSERT_TRUE(archived(end));
  stop();
  std::vector<wal::TransactionEnd> found;
  Lsn at, first;
  const auto archive = open_archive();
  for (const auto& range : archive->list(begun)) {
    if (!first.valid()) first = range.start;
    const auto index = archive->read_index(range);
    for (const auto& one : index.ends) {
      if (one.start >= at) found.push_back(one);
    }
    at = std::max(at, index.ends.empty() ? at : index.ends.back().end);
  }
  std::vector<test::TransactionEnd> expected;
  for (const auto& one :
       test::read_transaction_ends(cluster->data_directory() / "pg_wal", begun, incarnation.major)) {
    if (one.kind != test::TransactionEnd::Kind::prepare && one.lsn >= first && one.lsn < end)
      expected.push_back(one);
  }
  ASSERT_GT(expected.size(), 3000U);
  ASSERT_GE(found.size(), expected.size());
  // The first may be a record that began before archiving did.
  const std::size_t offset = found.front().start < expected.front().lsn ? 1 : 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(found[i + offset].start, expected[i].lsn) << i;
    ASSERT_EQ(found[i + offset].xid, expected[i].xid) << i;
    ASSERT_EQ(found[i + offset].time, expected[i].time) << i;
  }
}

TEST_F(ArchiveEndToEnd, FastShutdownIsNotHeldUpAndLeavesEverythingArchived) {
  begin();
  options.rpo_objective = std::chrono::hours(1);
  options.idle_ship_age = std::chrono::hours(1);
  start();
  make_tables();
  ASSERT_TRUE(eventually([&] { return archiver->status().state == ArchiveState::streaming; }));
  const auto before = std::chrono::steady_clock::now();
  cluster->stop("fast");
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
  ASSERT_TRUE(eventually([&] { return archiver->status().state == ArchiveState::server_unavailable; }));
  // The shutdown checkpoint is the last record; pg_control names it.
  const std::string control = cluster->run("pg_controldata", {cluster->data_directory().string()});
  const auto at = control.find("Latest checkpoint location:");
  const auto text = control.substr(control.find_first_not_of(' ', at + 27), 40);
  const Lsn checkpoint = *Lsn::parse(text.substr(0, text.find('\n')));
  EXPECT_GT(archiver->status().flush, checkpoint);
  compare_with_pg_wal(begun, archiver->status().flush);
  cluster->start();
  cluster->sql("select txid_current()");
  EXPECT_TRUE(archived(lsn("pg_current_wal_flush_lsn()")));
}

TEST_F(ArchiveEndToEnd, ServerThatIsKilledIsFollowedWhenItComesBack) {
  begin();
  start();
  make_tables();
  load(100);
  cluster->kill();
  EXPECT_TRUE(eventually([&] { return archiver->status().state == ArchiveState::server_unavailable; }));
  cluster->start();
  load(100);
  const Lsn end = lsn("pg_current_wal_flush_lsn()");
  ASSERT_TRUE(archived(end));
  compare_with_pg_wal(begun, end);
  EXPECT_GE(archiver->status().counters.connections, 2U);
}

TEST_F(ArchiveEndToEnd, SynchronousCommitReturnsWhenTheRepositoryHasIt) {
  begin({.settings = {"synchronous_standby_names = 'tidemark'", "synchronous_commit = on"}});
  options.rpo_objective = std::chrono::hours(1);  // only the waiting commits make it ship
  options.idle_ship_age = std::chrono::hours(1);
  start();
  ASSERT_TRUE(eventually([&] { return archiver->status().sync_state == "sync"; }, kLong));
  cluster->sql("create table t (n int)");
  const auto archive = open_archive();
  const auto first = archive->list(begun).front().start;
  for (int i = 0; i < 20; ++i) {
    cluster->sql("insert into t values (" + std::to_string(i) + ")");
    // Nothing but this session's commits was written, so all of it is acknowledged by now.
    const Lsn acknowledged = lsn("pg_current_wal_flush_lsn()");
    EXPECT_GE(archive->contiguous_end(begun, first) + 500, acknowledged);
  }
  // The end of the last commit record itself, by the index of what is archived.
  std::size_t commits = 0;
  for (const auto& range : archive->list(begun)) commits += archive->read_index(range).ends.size();
  EXPECT_GE(commits, 21U);
}

TEST_F(ArchiveEndToEnd, FlushPositionIsNeverAboveWhatIsDurable) {
  begin();
  options.rpo_objective = std::chrono::milliseconds(50);
  start();
  make_tables();
  std::atomic<bool> done = false;
  std::thread watching([&] {
    const auto archive = open_archive();
    while (!done) {
      const auto flush = Lsn::parse(sender("flush_lsn"));
      if (!flush) continue;
      const auto ranges = archive->list(begun);
      if (!ranges.empty()) {
        EXPECT_GE(archive->contiguous_end(begun, ranges.front().start), *flush);
      }
    }
  });
  load(500);
  done = true;
  watching.join();
}

// The child archives until it is killed; what the server believes to be flushed must be in the repository.
TEST_F(ArchiveEndToEnd, KilledArchiverLosesNothingItPromised) {
  begin();
  make_tables();
  for (int round = 0; round < 3; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      StopSource never;
      options.rpo_objective = std::chrono::milliseconds(20);
      Archiver inner(options, Archives{open_archive()}, ports());
      inner.run(never.token());
      ::_exit(0);
    }
    ASSERT_TRUE(eventually([&] { return sender("state") == "streaming"; }, kLong));
    load(150 + 100 * round);
    ASSERT_TRUE(eventually([&] { return !sender("flush_lsn").empty(); }));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ASSERT_TRUE(eventually([&] { return sender("state").empty(); }, kLong));
    const Lsn promised = lsn("restart_lsn from pg_replication_slots");
    const auto archive = open_archive();
    EXPECT_GE(archive->contiguous_end(begun, archive->list(begun).front().start), promised);
    compare_with_pg_wal(begun, promised);
  }
  start();
  const Lsn end = lsn("pg_current_wal_flush_lsn()");
  ASSERT_TRUE(archived(end));
  compare_with_pg_wal(begun, end);
}

TEST_F(ArchiveEndToEnd, PromotedServerIsFollowedToItsNewTimeline) {
  begin();
  start();
  make_tables();
  load(50);
  ASSERT_TRUE(archived(lsn("pg_current_wal_flush_lsn()")));
  cluster->stop("fast");
  // A clean server that is told to recover, without an archive, ends on a timeline of its own.
  test::write_text_file(cluster->data_directory() / "recovery.signal", "");
  cluster->append_configuration({"restore_command = 'false'"});
  cluster->start();
  ASSERT_TRUE(eventually([&] { return cluster->sql("select pg_is_in_recovery()") == "f"; }));
  ASSERT_EQ(cluster->sql("select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"), "00000002");
  load(50);
  const Lsn end = lsn("pg_current_wal_flush_lsn()");
  ASSERT_TRUE(eventually([&] { return archiver->status().timeline == TimelineId(2); }, kLong));
  ASSERT_TRUE(archived(end));
  const auto archive = open_archive();
  EXPECT_TRUE(archive->read_history(TimelineId(2)));
  EXPECT_TRUE(archive->read_claim(TimelineId(2)));
  compare_with_pg_wal(TimelineId(2), end);
}

}  // namespace
}  // namespace tidemark::archive
