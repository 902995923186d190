#include "harness/postgres_cluster.h"

#include <gtest/gtest.h>

#include "harness/program.h"
#include "tidemark/error.h"

namespace tidemark::test {
namespace {

TEST(PostgresCluster, StartsAnswersAndRestarts) {
  PostgresCluster cluster;
  cluster.sql("CREATE TABLE t(i int)");
  cluster.sql("INSERT INTO t VALUES (42)");
  EXPECT_EQ(cluster.sql("SELECT i FROM t"), "42");
  cluster.stop();
  EXPECT_FALSE(cluster.running());
  cluster.start();
  EXPECT_EQ(cluster.sql("SELECT i FROM t"), "42");
}

TEST(PostgresCluster, KillLeavesNoProcessAndCrashRecoveryFindsTheRows) {
  PostgresCluster cluster;
  cluster.sql("CREATE TABLE t AS SELECT 7 AS i");
  cluster.kill();
  EXPECT_FALSE(cluster.running());
  cluster.start();
  EXPECT_EQ(cluster.sql("SELECT i FROM t"), "7");
}

TEST(PostgresCluster, EveryClusterHasItsOwnSystemIdentifier) {
  PostgresCluster one, other;
  const std::string statement = "SELECT system_identifier FROM pg_control_system()";
  EXPECT_NE(one.sql(statement), other.sql(statement));
}

TEST(PostgresCluster, TakesSegmentSizeChecksumsAndSettings) {
  PostgresCluster cluster({.segment_megabytes = 1, .checksums = false, .settings = {"work_mem = '5MB'"}});
  EXPECT_EQ(cluster.sql("SHOW wal_segment_size"), "1MB");
  EXPECT_EQ(cluster.sql("SHOW data_checksums"), "off");
  EXPECT_EQ(cluster.sql("SHOW work_mem"), "5MB");
}

TEST(PostgresCluster, RunsProgramsAndReportsTheirFailure) {
  PostgresCluster cluster;
  EXPECT_EQ(cluster.run("psql", {"-Atc", "select 1+1"}), "2\n");
  EXPECT_THROW(cluster.run("psql", {"-c", "not sql"}), Error);
}

TEST(PostgresCluster, AStandbyFollowsAndIsPromoted) {
  PostgresCluster primary;
  primary.sql("CREATE TABLE t AS SELECT 1 AS i");
  auto standby = PostgresCluster::standby_of(primary);
  EXPECT_EQ(standby->sql("SELECT pg_is_in_recovery()"), "t");
  EXPECT_TRUE(
      eventually([&] { return standby->sql("SELECT count(*) FROM pg_class WHERE relname = 't'") == "1"; }));
  standby->promote();
  standby->sql("INSERT INTO t VALUES (2)");
  EXPECT_EQ(standby->sql("SELECT count(*) FROM t"), "2");
}

TEST(RestoredServer, StartsACopyOfADataDirectory) {
  ScratchFolder scratch;
  const auto copy = scratch.path() / "copy";
  PostgresCluster cluster;
  cluster.sql("CREATE TABLE t AS SELECT 3 AS i");
  cluster.stop();
  run_program("cp", {"-a", cluster.data_directory().string(), copy.string()});
  RestoredServer restored(copy);
  EXPECT_EQ(restored.sql("SELECT i FROM t"), "3");
}

}  // namespace
}  // namespace tidemark::test
