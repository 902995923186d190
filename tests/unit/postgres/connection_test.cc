#include "postgres/connection.h"

#include <gtest/gtest.h>

#include <thread>

#include "harness/program.h"
#include "unit/postgres/shared_cluster.h"

namespace tidemark::postgres {
namespace {

using namespace std::chrono_literals;
using ConnectionTest = SharedCluster;

TEST_F(ConnectionTest, GivesColumnsRowsAndNulls) {
  Connection connection(options(), StopToken());
  const auto rows =
      connection.query("SELECT 1 AS one, NULL AS none, '' AS empty UNION ALL SELECT 2, 'x', 'ä'");
  EXPECT_EQ(rows.columns, (std::vector<std::string>{"one", "none", "empty"}));
  ASSERT_EQ(rows.rows.size(), 2U);
  EXPECT_EQ(rows.rows[0][0], "1");
  EXPECT_EQ(rows.rows[0][1], std::nullopt);
  EXPECT_EQ(rows.rows[0][2], "");
  EXPECT_EQ(rows.rows[1][2], "ä");
}

TEST_F(ConnectionTest, BindsParametersInsteadOfPastingThem) {
  Connection connection(options(), StopToken());
  const std::string nasty = "'; DROP TABLE pg_class; --";
  EXPECT_EQ(connection.query("SELECT $1::text", {nasty}).value(), nasty);
  EXPECT_EQ(connection.query("SELECT $1::text IS NULL", {std::nullopt}).value(), "t");
}

TEST_F(ConnectionTest, RunsSeveralStatementsAndGivesTheLastRows) {
  Connection connection(options(), StopToken());
  EXPECT_EQ(connection.query("SELECT 1; SELECT 2").value(), "2");
}

TEST_F(ConnectionTest, AValueIsRefusedWhereThereAreMoreOrNone) {
  Connection connection(options(), StopToken());
  for (const auto* sql :
       {"SELECT 1, 2", "SELECT 1 WHERE false", "SELECT NULL", "SELECT generate_series(1,2)"}) {
    EXPECT_EQ(error_of([&] { connection.query(sql).value(); }).kind(), ErrorKind::internal) << sql;
  }
}

TEST_F(ConnectionTest, FixesTheFormsItParsesWhateverTheRolePrefers) {
  cluster().sql("CREATE ROLE odd LOGIN");
  cluster().sql("ALTER ROLE odd SET datestyle = 'German'");
  cluster().sql("ALTER ROLE odd SET timezone = 'Asia/Tokyo'");
  cluster().sql("ALTER ROLE odd SET statement_timeout = '1s'");
  Connection connection(options("user=odd"), StopToken());
  EXPECT_EQ(connection.query("SELECT '2026-11-22 03:04:05+01'::timestamptz").value(),
            "2026-11-22 02:04:05+00");
  EXPECT_EQ(connection.query("SHOW statement_timeout").value(), "0");
  EXPECT_EQ(connection.query("SHOW client_encoding").value(), "UTF8");
}

TEST_F(ConnectionTest, TheUsersOwnApplicationNameWins) {
  EXPECT_EQ(Connection(options(), StopToken()).query("SHOW application_name").value(), "tidemark");
  Connection named(options("application_name=archive_berlin"), StopToken());
  EXPECT_EQ(named.query("SHOW application_name").value(), "archive_berlin");
}

TEST_F(ConnectionTest, AStatementThatTakesTooLongIsCancelled) {
  Connection connection(options(), StopToken());
  const auto pid = connection.query("SELECT pg_backend_pid()").value();
  const auto error = error_of([&] { connection.query("SELECT pg_sleep(600)", {}, 50ms); });
  EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  EXPECT_EQ(error.code(), "statement_timeout");
  EXPECT_TRUE(test::eventually(
      [&] { return cluster().sql("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid) == "0"; }));
  EXPECT_EQ(error_of([&] { connection.query("SELECT 1"); }).code(), "connection_lost");
}

TEST_F(ConnectionTest, AStopWakesAWaitingStatement) {
  StopSource stop;
  Connection connection(options(), stop.token());
  const auto pid = connection.query("SELECT pg_backend_pid()").value();
  std::jthread stopper([&] {
    test::eventually([&] {
      return cluster().sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid = " +
                           pid) == "1";
    });
    stop.request_stop();
  });
  EXPECT_EQ(error_of([&] { connection.query("SELECT pg_sleep(600)"); }).kind(), ErrorKind::interrupted);
}

TEST_F(ConnectionTest, AStopBeforeConnectingIsHonoured) {
  StopSource stop;
  stop.request_stop();
  EXPECT_EQ(error_of([&] { Connection(options(), stop.token()); }).kind(), ErrorKind::interrupted);
}

TEST_F(ConnectionTest, ATerminatedBackendIsALostConnection) {
  Connection connection(options(), StopToken());
  const auto error = error_of([&] { connection.query("SELECT pg_terminate_backend(pg_backend_pid())"); });
  EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  EXPECT_EQ(error.code(), "connection_lost");
  EXPECT_EQ(error_of([&] { connection.query("SELECT 1"); }).code(), "connection_lost");
}

TEST_F(ConnectionTest, MistakesInStatementsAndMissingPrivilegesDiffer) {
  cluster().sql("CREATE ROLE weak LOGIN");
  cluster().sql("CREATE TABLE secret_table(i int)");
  Connection connection(options("user=weak"), StopToken());
  EXPECT_EQ(error_of([&] { connection.query("SELEKT 1"); }).kind(), ErrorKind::internal);
  const auto refused = error_of([&] { connection.query("SELECT * FROM secret_table"); });
  EXPECT_EQ(refused.kind(), ErrorKind::refused);
  EXPECT_EQ(refused.code(), "privilege");
  EXPECT_EQ(connection.query("SELECT 1").value(), "1");  // an error does not end the session
}

TEST_F(ConnectionTest, NamesTheServerWithoutUserAndPassword) {
  Connection connection(options("password=hunter2"), StopToken());
  EXPECT_EQ(connection.host_for_messages(), cluster().socket_directory().string() + ":5432");
  EXPECT_EQ(connection.major(), 15);
}

TEST(ConnectionErrors, AKilledServerMidStatementIsUnavailable) {
  test::PostgresCluster cluster;
  ConnectionOptions options{cluster.connection_string()};
  Connection connection(options, StopToken());
  const auto pid = connection.query("SELECT pg_backend_pid()").value();
  std::jthread killer([&] {
    test::eventually([&] {
      return cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid = " +
                         pid) == "1";
    });
    cluster.kill();
  });
  const auto error = error_of([&] { connection.query("SELECT pg_sleep(600)"); });
  EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  EXPECT_EQ(error.code(), "connection_lost");
}

TEST(ConnectionErrors, AWrongPasswordIsAMatterOfConfigurationAndStaysSecret) {
  test::PostgresCluster cluster;
  cluster.sql("CREATE ROLE guarded LOGIN PASSWORD 'right-one'");
  const auto hba = cluster.data_directory() / "pg_hba.conf";
  test::write_text_file(hba, "local all guarded scram-sha-256\n" + test::read_text_file(hba));
  cluster.sql("SELECT pg_reload_conf()");
  const auto open = [&](const std::string& more) {
    return error_of(
        [&] { Connection({cluster.connection_string() + " user=guarded " + more}, StopToken()); });
  };
  ASSERT_TRUE(test::eventually([&] { return open("").kind() == ErrorKind::config; }));
  const auto wrong = open("password=hunter2");
  EXPECT_EQ(wrong.kind(), ErrorKind::config);
  EXPECT_EQ(wrong.code(), "authentication_failed");
  EXPECT_NE(wrong.message().find("guarded"), std::string::npos);
  EXPECT_EQ(std::string(wrong.what()).find("hunter2"), std::string::npos);
  EXPECT_EQ(wrong.message().find('\n'), std::string::npos);
  EXPECT_EQ(open("").code(), "authentication_failed");  // no password given
  Connection right({cluster.connection_string() + " user=guarded password=right-one"}, StopToken());
  EXPECT_EQ(right.query("SELECT current_user").value(), "guarded");
}

TEST(ConnectionErrors, UnknownHostsAndSilentSocketsAreUnavailable) {
  for (const auto* text :
       {"host=/tmp/tidemark-no-such-folder dbname=postgres", "host=no-such-host.invalid password=hunter2",
        "host=127.0.0.1 port=1 password=hunter2"}) {
    const auto error = error_of([&] { Connection({text}, StopToken()); });
    EXPECT_EQ(error.kind(), ErrorKind::unavailable) << text;
    EXPECT_EQ(error.code(), "cannot_connect") << text;
    EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos);
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
  }
}

TEST(ConnectionErrors, AnUnreadableConnectionStringIsNotRepeated) {
  for (const auto* text :
       {"password='hunter2", "pasword=hunter2", "password=x hunter2", "postgresql://u:hunter2@[::1"}) {
    const auto error = error_of([&] { Connection({text}, StopToken()); });
    EXPECT_EQ(error.kind(), ErrorKind::config) << text;
    EXPECT_EQ((std::string(error.what()) + error.hint()).find("hunter2"), std::string::npos) << error.what();
  }
  EXPECT_EQ(error_of([] { Connection({"host=/tmp sslmode=sometimes"}, StopToken()); }).kind(),
            ErrorKind::config);
}

TEST_F(ConnectionTest, AnUnknownDatabaseIsAMatterOfConfiguration) {
  const auto error = error_of([&] { Connection({cluster().connection_string("nowhere")}, StopToken()); });
  EXPECT_EQ(error.kind(), ErrorKind::config);
  EXPECT_EQ(error.code(), "no_such_database");
}

TEST(ConnectionHosts, TheWritableOneOfSeveralIsTaken) {
  test::PostgresCluster primary;
  auto standby = test::PostgresCluster::standby_of(primary);
  const auto hosts = "/tmp/tidemark-no-such-folder," + standby->socket_directory().string() + "," +
                     primary.socket_directory().string();
  ConnectionOptions options{"host=" + hosts + " port=5432 user=postgres dbname=postgres"};
  Connection connection(options, StopToken());
  EXPECT_EQ(connection.host_for_messages(), primary.socket_directory().string() + ":5432");
  EXPECT_EQ(connection.query("SELECT pg_is_in_recovery()").value(), "f");
}

TEST(ConnectionHosts, AHostThatNeverAnswersTimesOut) {
  // A listening socket whose queue nobody serves: connecting succeeds, and then there is silence.
  test::ScratchFolder scratch;
  test::Process listener(
      "perl",
      {"-e",
       "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM(), Local => "
       "\"$ARGV[0]/.s.PGSQL.5432\", Listen => 5) or die; $| = 1; print \"up\\n\"; sleep 600",
       scratch.path().string()},
      scratch.path() / "out");
  ASSERT_TRUE(listener.wait_for_output("up", 20s)) << listener.output();
  ConnectionOptions options{"host=" + scratch.path().string() + " user=postgres"};
  options.connect_timeout = 100ms;
  const auto error = error_of([&] { Connection(options, StopToken()); });
  EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  EXPECT_EQ(error.code(), "connect_timeout");
}

}  // namespace
}  // namespace tidemark::postgres
