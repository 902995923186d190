// Restores of real clusters, compared row by row with what the clients wrote down.

#include <signal.h>

#include <cstdlib>
#include <thread>

#include "postgres/server_control.h"
#include "restore/wal_fetch.h"
#include "restore_support.h"

namespace tidemark::test {
namespace {

using catalog::Target;
using restore::RestoreOutcome;
using restore::TargetAction;

// What `tidemark wal fetch` does, for the script in restore_support.h. Run by servers only.
TEST(RestoreProgramForTests, DISABLED_WalFetch) {
  const char* const name = std::getenv("TIDEMARK_FETCH_NAME");
  if (name == nullptr) return;
  try {
    restore::FetchRequest request;
    request.name = name;
    request.destination = std::getenv("TIDEMARK_FETCH_PATH");
    request.data_directory = std::filesystem::current_path();
    request.open_files = [](const std::optional<restore::RestoreState>& state) {
      repository::RepositoryOptions options;
      options.name = "repository";
      const auto repository = repository::Repository::open(
          store::open_posix_store(std::getenv("TIDEMARK_FETCH_REPOSITORY"), disk::real_ops()), options);
      std::vector<std::shared_ptr<repository::WalArchive>> archives = {
          std::make_shared<repository::WalArchive>(repository, state->incarnation, state->segment_size)};
      return std::make_unique<restore::WalFiles>(archives, state);
    };
    std::_Exit(static_cast<int>(restore::fetch_wal(request, disk::real_ops(), StopToken())));
  } catch (const Error& failure) {
    std::fprintf(stderr, "wal fetch: %s\n", failure.what());
    std::_Exit(restore::kWalFetchFailed);
  }
}

class RestoreToTarget : public testing::Test {
 protected:
  static void SetUpTestSuite() { ground_ = new RestoreGround; }
  static void TearDownTestSuite() {
    delete ground_;
    ground_ = nullptr;
  }

  RestoreGround& ground() const { return *ground_; }
  path target() const { return scratch_.path() / "restored"; }

  RestoreOutcome restore(const Target& target_wanted, std::optional<TargetAction> action = std::nullopt) {
    auto options = restore_options(target(), target_wanted, ground().program);
    options.action = action;
    return run_restore(ground().primary, ground().repository, options);
  }

  // Contents of the ledger's table in the restored server, wherever it stands now.
  static LedgerRows rows_of(const RestoreOutcome& outcome) {
    postgres::ConnectionOptions options;
    options.connection_string = outcome.connection_string;
    postgres::Connection connection(options, StopToken());
    return read_rows(connection);
  }
  static std::string sql(const RestoreOutcome& outcome, const std::string& statement) {
    postgres::ConnectionOptions options;
    options.connection_string = outcome.connection_string;
    postgres::Connection connection(options, StopToken());
    return connection.query(statement).rows.at(0).at(0).value_or("");
  }

  void expect_exact(const RestoreOutcome& outcome, Lsn limit) {
    EXPECT_TRUE(outcome.receipt.exact) << testing::PrintToString(outcome.receipt.differences);
    EXPECT_EQ(difference(rows_before(ground().truth, limit), rows_of(outcome)), "");
  }

  // The commit at that share of the commits behind the backup.
  const CommittedTransaction& commit_behind_backup(double share) const {
    const auto& truth = ground().truth;
    const auto first = std::find_if(truth.begin(), truth.end(), [&](const CommittedTransaction& transaction) {
      return transaction.commit_lsn >= ground().backup_stop;
    });
    return *(first + static_cast<std::ptrdiff_t>(static_cast<double>(truth.end() - first) * share));
  }

  void TearDown() override {
    if (const auto pid = postgres::live_postmaster(target())) {
      ::kill(static_cast<pid_t>(*pid), SIGQUIT);
      eventually([&] { return !postgres::live_postmaster(target()); });
    }
  }

  ScratchFolder scratch_;
  static RestoreGround* ground_;
};
RestoreGround* RestoreToTarget::ground_ = nullptr;

TEST_F(RestoreToTarget, TimeKeepsEverythingBeforeTheFirstLaterEnd) {
  const Instant moment = commit_behind_backup(0.6).commit_time;
  const auto outcome = restore(time_target(moment));
  expect_exact(outcome, first_end_after(ground().ends, moment));
  EXPECT_EQ(outcome.receipt.reached_timeline, TimelineId(2));
  EXPECT_EQ(sql(outcome, "SELECT pg_is_in_recovery()"), "f");
  EXPECT_EQ(sql(outcome, "SHOW archive_mode"), "off");
  EXPECT_EQ(sql(outcome, "SHOW listen_addresses"), "localhost");
  EXPECT_EQ(read_text_file(target() / "postgresql.auto.conf").find("recovery_target"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(target() / "pg_wal/tidemark_restore"));
  EXPECT_FALSE(std::filesystem::exists(target() / "tidemark.restore.json"));
  EXPECT_TRUE(std::filesystem::exists(target() / "tidemark.receipt.json"));
  EXPECT_EQ(
      repository::read_marks(archive_of(ground().primary, ground().repository), catalog::kMarkReceipt, 1)
          .size(),
      1U);
}

TEST_F(RestoreToTarget, LatestKeepsAllAndListsWhatIsPrepared) {
  const auto outcome = restore(parse_target("latest"));
  expect_exact(outcome, Lsn(UINT64_MAX));
  EXPECT_EQ(outcome.receipt.prepared_transactions, std::vector<std::string>{"pending one"});
  EXPECT_EQ(sql(outcome, "SELECT count(*) FROM pending"), "0");
  EXPECT_GT(outcome.receipt.actual.files, 0);
  EXPECT_GT(outcome.receipt.actual.total, outcome.receipt.actual.files);
}

TEST_F(RestoreToTarget, LsnKeepsEveryRecordThatStartsBefore) {
  const Lsn lsn = commit_behind_backup(0.7).commit_lsn;
  expect_exact(restore(parse_target("lsn:" + lsn.to_string())), lsn);
}

TEST_F(RestoreToTarget, LsnInsideARecordKeepsThatRecord) {
  const Lsn lsn = commit_behind_backup(0.7).commit_lsn + 8;
  expect_exact(restore(parse_target("lsn:" + lsn.to_string())), lsn);
}

TEST_F(RestoreToTarget, XidIsTheLastKept) {
  const auto& wanted = commit_behind_backup(0.8);
  const auto outcome = restore(parse_target("xid:" + std::to_string(wanted.xid)));
  expect_exact(outcome, wanted.commit_lsn + 1);
}

TEST_F(RestoreToTarget, BeforeXidIsTheFirstDropped) {
  const auto& wanted = commit_behind_backup(0.8);
  const auto outcome = restore(parse_target("before-xid:" + std::to_string(wanted.xid)));
  expect_exact(outcome, wanted.commit_lsn);
}

TEST_F(RestoreToTarget, NameStopsAtTheRestorePoint) {
  const auto outcome = restore(parse_target("name:middle"));
  expect_exact(outcome, outcome.receipt.plan.stop.lsn);
}

TEST_F(RestoreToTarget, ImmediateStopsWhenTheBackupIsConsistent) {
  const auto outcome = restore(parse_target("immediate"));
  expect_exact(outcome, outcome.receipt.reached_lsn);
}

TEST_F(RestoreToTarget, PausedServerAnswersAndWaits) {
  const Lsn lsn = commit_behind_backup(0.9).commit_lsn;
  const auto outcome = restore(parse_target("lsn:" + lsn.to_string()), TargetAction::pause);
  expect_exact(outcome, lsn);
  EXPECT_EQ(sql(outcome, "SELECT pg_is_in_recovery()"), "t");
  EXPECT_EQ(sql(outcome, "SELECT pg_get_wal_replay_pause_state()"), "paused");
  EXPECT_EQ(outcome.receipt.reached_timeline, TimelineId(1));
}

TEST_F(RestoreToTarget, ShutDownServerIsLeftDown) {
  const auto outcome = restore(parse_target("name:middle"), TargetAction::shutdown);
  EXPECT_TRUE(outcome.receipt.exact) << testing::PrintToString(outcome.receipt.differences);
  EXPECT_FALSE(outcome.running);
  EXPECT_FALSE(postgres::live_postmaster(target()));
}

TEST_F(RestoreToTarget, SecondRestoreTakesAnotherTimeline) {
  const auto first = restore(parse_target("name:middle"));
  ScratchFolder elsewhere;
  const auto options =
      restore_options(elsewhere.path() / "again", parse_target("name:middle"), ground().program);
  const auto second = run_restore(ground().primary, ground().repository, options);
  EXPECT_GT(second.receipt.reached_timeline, first.receipt.reached_timeline);
  ::kill(static_cast<pid_t>(*postgres::live_postmaster(options.target_directory)), SIGQUIT);
  EXPECT_TRUE(eventually([&] { return !postgres::live_postmaster(options.target_directory); }));
}

TEST_F(RestoreToTarget, WithoutStartTheServerFetchesForItself) {
  const Instant moment = commit_behind_backup(0.65).commit_time;
  auto options = restore_options(target(), time_target(moment), ground().program);
  options.start = false;
  const auto prepared = run_restore(ground().primary, ground().repository, options);
  EXPECT_FALSE(prepared.started);
  // The server's user must read the repository now, as no restore runs that could do it.
  run_program("/bin/chown",
              {"-R", server_user().value_or("root"), (ground().scratch.path() / "repository").string()});
  {
    RestoredServer server(target());
    EXPECT_TRUE(eventually([&] { return server.sql("SELECT pg_get_wal_replay_pause_state()") == "paused"; }));
    auto connection = server.connect();
    EXPECT_EQ(difference(rows_before(ground().truth, first_end_after(ground().ends, moment)),
                         read_rows(connection)),
              "");
  }
}

TEST_F(RestoreToTarget, RefusesADirectoryThatHoldsSomething) {
  std::filesystem::create_directory(target());
  write_text_file(target() / "letter.txt", "mine");
  try {
    restore(parse_target("latest"));
    FAIL() << "was not refused";
  } catch (const Error& refusal) {
    EXPECT_EQ(refusal.kind(), ErrorKind::refused);
    EXPECT_EQ(refusal.code(), "target_not_empty");
  }
  EXPECT_EQ(read_text_file(target() / "letter.txt"), "mine");
}

TEST_F(RestoreToTarget, RefusesALiveServersDirectory) {
  auto options = restore_options(ground().primary.data_directory(), parse_target("latest"), ground().program);
  try {
    run_restore(ground().primary, ground().repository, options);
    FAIL() << "was not refused";
  } catch (const Error& refusal) {
    EXPECT_EQ(refusal.code(), "live_server");
  }
}

// A transaction with more subtransactions than a snapshot names, open during the backup: hot standby is not
// possible at the target, where PostgreSQL would promote in place of pausing.
TEST(RestoreOverflowed, StopsExactlyWhereItCannotPause) {
  ScratchFolder scratch;
  ClusterOptions cluster_options;
  cluster_options.segment_megabytes = 1;
  cluster_options.settings = {"wal_keep_size = 1GB"};
  const PostgresCluster primary(cluster_options);
  const auto repository = make_repository(scratch.path() / "repository");
  const path program = make_fetch_program(scratch.path(), scratch.path() / "repository");
  put_identity_of(primary, repository);
  primary.sql("CREATE TABLE rows (n int)");
  auto open = primary.connect();
  open.query("BEGIN");
  for (int n = 0; n < 100; ++n) open.query("SAVEPOINT s; INSERT INTO rows VALUES (-1)");
  const auto archive_now = [&] {
    auto archive = archive_of(primary, repository);
    archive_all(primary, archive);
  };
  auto backup = backup_options(primary, {repository});
  backup.ensure_wal_archived = [&](const backup::WalNeed&) { archive_now(); };
  take_backup(backup, {repository});
  primary.sql("INSERT INTO rows VALUES (1)");
  const std::string xid =
      primary.sql("WITH added AS (INSERT INTO rows VALUES (2)) SELECT pg_current_xact_id()::text");
  primary.sql("INSERT INTO rows VALUES (3)");
  archive_now();

  const auto options = restore_options(scratch.path() / "restored", parse_target("xid:" + xid), program);
  const auto outcome = run_restore(primary, repository, options);
  EXPECT_FALSE(outcome.receipt.plan.pause_is_safe);
  EXPECT_TRUE(outcome.receipt.exact) << testing::PrintToString(outcome.receipt.differences);
  {
    postgres::ConnectionOptions connection_options;
    connection_options.connection_string = outcome.connection_string;
    postgres::Connection connection(connection_options, StopToken());
    EXPECT_EQ(connection.query("SELECT string_agg(n::text, ',' ORDER BY n) FROM rows").value(), "1,2");
  }
  ::kill(static_cast<pid_t>(*postgres::live_postmaster(options.target_directory)), SIGQUIT);
  EXPECT_TRUE(eventually([&] { return !postgres::live_postmaster(options.target_directory); }));
}

// Tablespaces that would land on the original's, and at another place.
TEST(RestoreTablespaces, NeverTouchesTheOriginals) {
  ScratchFolder scratch;
  ClusterOptions cluster_options;
  cluster_options.segment_megabytes = 1;
  cluster_options.settings = {"wal_keep_size = 1GB"};
  const PostgresCluster primary(cluster_options);
  const auto repository = make_repository(scratch.path() / "repository");
  const path program = make_fetch_program(scratch.path(), scratch.path() / "repository");
  put_identity_of(primary, repository);
  const path space = scratch.path() / "space";
  std::filesystem::create_directory(space);
  give_to_server_user(space);
  primary.sql("CREATE TABLESPACE elsewhere LOCATION '" + space.string() + "'");
  primary.sql("CREATE TABLE placed TABLESPACE elsewhere AS SELECT generate_series(1, 1000) AS n");
  const auto archive_now = [&] {
    auto archive = archive_of(primary, repository);
    archive_all(primary, archive);
  };
  auto backup = backup_options(primary, {repository});
  backup.ensure_wal_archived = [&](const backup::WalNeed&) { archive_now(); };
  take_backup(backup, {repository});
  primary.sql("INSERT INTO placed VALUES (1001)");
  archive_now();

  auto options = restore_options(scratch.path() / "restored", parse_target("latest"), program);
  try {
    run_restore(primary, repository, options);
    FAIL() << "would have written over the original's tablespace";
  } catch (const Error& refusal) {
    EXPECT_EQ(refusal.code(), "tablespace_not_empty");
  }
  options.tablespace_map = {{space, scratch.path() / "moved"}};
  const auto outcome = run_restore(primary, repository, options);
  EXPECT_TRUE(outcome.receipt.exact) << testing::PrintToString(outcome.receipt.differences);
  {
    postgres::ConnectionOptions connection_options;
    connection_options.connection_string = outcome.connection_string;
    postgres::Connection connection(connection_options, StopToken());
    EXPECT_EQ(connection.query("SELECT count(*) FROM placed").value(), "1001");
    EXPECT_EQ(
        connection.query("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'elsewhere'")
            .value(),
        (scratch.path() / "moved").string());
  }
  EXPECT_EQ(primary.sql("SELECT count(*) FROM placed"), "1001");
  ::kill(static_cast<pid_t>(*postgres::live_postmaster(options.target_directory)), SIGQUIT);
  EXPECT_TRUE(eventually([&] { return !postgres::live_postmaster(options.target_directory); }));
}

class RestoreMajors : public testing::TestWithParam<int> {};

TEST_P(RestoreMajors, StopsBeforeATransaction) {
  if (!server_available(GetParam())) GTEST_SKIP() << "no PostgreSQL " << GetParam() << " here";
  ScratchFolder scratch;
  ClusterOptions cluster_options;
  cluster_options.major = GetParam();
  cluster_options.segment_megabytes = 1;
  cluster_options.settings = {"wal_keep_size = 1GB", "max_prepared_transactions = 5"};
  const PostgresCluster primary(cluster_options);
  const auto repository = make_repository(scratch.path() / "repository");
  const path program = make_fetch_program(scratch.path(), scratch.path() / "repository");
  put_identity_of(primary, repository);
  primary.sql("CREATE TABLE rows (n int)");
  const auto archive_now = [&] {
    auto archive = archive_of(primary, repository);
    archive_all(primary, archive);
  };
  auto backup = backup_options(primary, {repository});
  backup.ensure_wal_archived = [&](const backup::WalNeed&) { archive_now(); };
  take_backup(backup, {repository});
  primary.sql("INSERT INTO rows SELECT generate_series(1, 20000)");
  const std::string xid = primary.sql("WITH gone AS (DELETE FROM rows) SELECT pg_current_xact_id()::text");
  primary.sql("INSERT INTO rows VALUES (1)");
  archive_now();

  const auto options =
      restore_options(scratch.path() / "restored", parse_target("before-xid:" + xid), program);
  const auto outcome = run_restore(primary, repository, options);
  EXPECT_TRUE(outcome.receipt.exact) << testing::PrintToString(outcome.receipt.differences);
  EXPECT_TRUE(outcome.receipt.plan.pause_is_safe);
  {
    postgres::ConnectionOptions connection_options;
    connection_options.connection_string = outcome.connection_string;
    postgres::Connection connection(connection_options, StopToken());
    EXPECT_EQ(connection.query("SELECT count(*) FROM rows").value(), "20000");
    EXPECT_EQ(connection.query("SHOW archive_mode").value(), "off");
  }
  ::kill(static_cast<pid_t>(*postgres::live_postmaster(options.target_directory)), SIGQUIT);
  EXPECT_TRUE(eventually([&] { return !postgres::live_postmaster(options.target_directory); }));
}

INSTANTIATE_TEST_SUITE_P(Each, RestoreMajors, testing::Values(13, 14, 15, 16, 17, 18));

}  // namespace
}  // namespace tidemark::test
