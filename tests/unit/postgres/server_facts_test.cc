#include <gtest/gtest.h>

#include "harness/program.h"
#include "postgres/connection.h"
#include "unit/postgres/shared_cluster.h"

namespace tidemark::postgres {
namespace {

using ServerFactsTest = SharedCluster;

TEST_F(ServerFactsTest, TheMomentOfAPrimary) {
  Connection connection(options(), StopToken());
  const auto first = read_server_moment(connection);
  cluster().sql("CREATE TABLE moment AS SELECT 1");
  const auto second = read_server_moment(connection);
  EXPECT_FALSE(first.in_recovery);
  EXPECT_LT(first.clock, second.clock);
  EXPECT_LT(first.insert_lsn, second.insert_lsn);
  EXPECT_GE(second.insert_lsn, second.flush_lsn);
  EXPECT_TRUE(second.flush_lsn.valid());
  // The clock is the server's own, to the microsecond.
  const auto text =
      connection.query("SELECT to_timestamp(" + std::to_string(first.clock.unix_microseconds()) +
                       " / 1000000.0) BETWEEN now() - interval '1 minute' AND now()");
  EXPECT_EQ(text.value(), "t");
}

TEST_F(ServerFactsTest, TheMomentOfAStandby) {
  auto standby = test::PostgresCluster::standby_of(cluster());
  auto connection = standby->connect();
  ASSERT_TRUE(test::eventually([&] { return read_server_moment(connection).flush_lsn.valid(); }));
  const auto moment = read_server_moment(connection);
  EXPECT_TRUE(moment.in_recovery);
  EXPECT_TRUE(moment.insert_lsn.valid());
}

TEST_F(ServerFactsTest, Facts) {
  Connection connection(options(), StopToken());
  const auto facts = read_server_facts(connection);
  EXPECT_EQ(facts.version_number / 10000, 15);
  EXPECT_EQ(facts.system_id.to_string(), cluster().sql("SELECT system_identifier FROM pg_control_system()"));
  EXPECT_EQ(facts.timeline, TimelineId(1));
  EXPECT_EQ(facts.segment_bytes, 16U << 20);
  EXPECT_EQ(facts.block_bytes, 8192U);
  EXPECT_EQ(facts.data_directory, cluster().data_directory().string());
  EXPECT_TRUE(facts.data_checksums);
  EXPECT_FALSE(facts.in_recovery);
  EXPECT_EQ(facts.wal_level, "replica");
  EXPECT_EQ(facts.archive_mode, "off");
  EXPECT_EQ(facts.max_slot_wal_keep_size, "-1");
  EXPECT_TRUE(facts.track_commit_timestamp);
}

TEST_F(ServerFactsTest, FactsAreReadableWithoutPrivileges) {
  cluster().sql("CREATE ROLE nobody_special LOGIN");
  Connection connection(options("user=nobody_special"), StopToken());
  EXPECT_EQ(read_server_facts(connection).data_directory, "");
}

TEST_F(ServerFactsTest, SlotsAreCreatedReadAndDropped) {
  Connection connection(options(), StopToken());
  EXPECT_FALSE(read_slot(connection, "s1"));
  EXPECT_EQ(create_physical_slot(connection, "s1"), SlotCreation::created);
  EXPECT_EQ(create_physical_slot(connection, "s1"), SlotCreation::already_exists);
  cluster().sql("CREATE TABLE slot_table AS SELECT generate_series(1, 10000)");
  const auto slot = read_slot(connection, "s1");
  ASSERT_TRUE(slot);
  EXPECT_EQ(slot->name, "s1");
  EXPECT_FALSE(slot->active);
  EXPECT_TRUE(slot->restart_lsn.valid());
  EXPECT_EQ(slot->wal_status, "reserved");
  EXPECT_EQ(slot->safe_wal_bytes, std::nullopt);
  EXPECT_GT(slot->retained_bytes, 100'000U);
  EXPECT_EQ(read_sync_state(connection, "s1"), std::nullopt);
  drop_physical_slot(connection, "s1");
  EXPECT_FALSE(read_slot(connection, "s1"));
  EXPECT_EQ(error_of([&] { drop_physical_slot(connection, "s1"); }).kind(), ErrorKind::not_found);
}

TEST_F(ServerFactsTest, ASuperuserLacksNothingFatal) {
  Connection connection(options(), StopToken());
  for (const auto& item : check_server(connection, read_server_facts(connection), "s2")) {
    EXPECT_FALSE(item.fatal) << item.problem;
    EXPECT_FALSE(item.remedy.empty());
  }
}

// Every remedy that is a grant is run as it stands; afterwards nothing fatal is left.
TEST_F(ServerFactsTest, TheRemediesMendWhatIsMissing) {
  cluster().sql("CREATE ROLE \"tide mark\" LOGIN");
  Connection connection(options("user='tide mark'"), StopToken());
  const auto facts = read_server_facts(connection);
  const auto before = check_server(connection, facts, "s3");
  const auto fatal = [](const std::vector<Shortcoming>& all) {
    return std::count_if(all.begin(), all.end(), [](const auto& item) { return item.fatal; });
  };
  EXPECT_EQ(fatal(before), 3);  // REPLICATION, pg_backup_start, pg_backup_stop
  for (const auto& item : before) {
    if (item.remedy.starts_with("GRANT") || item.remedy.starts_with("ALTER ROLE")) cluster().sql(item.remedy);
  }
  const auto after = check_server(connection, facts, "s3");
  EXPECT_EQ(fatal(after), 0);
  for (const auto& item : after) EXPECT_FALSE(item.remedy.starts_with("GRANT")) << item.problem;
}

TEST(CheckServer, NamesTheSettingsThatEndanger) {
  test::PostgresCluster cluster({.settings = {"full_page_writes = off", "synchronous_commit = remote_apply",
                                              "synchronous_standby_names = 'ANY 1 (other, \"tidemark\")'",
                                              "max_replication_slots = 0", "max_slot_wal_keep_size = '1GB'"},
                                 .start = true});
  auto session = Connection({cluster.connection_string()}, StopToken());
  session.query("SET synchronous_commit = local");
  auto facts = read_server_facts(session);
  facts.synchronous_commit = "remote_apply";  // of the others' sessions
  std::string all;
  for (const auto& item : check_server(session, facts, "tidemark")) all += item.problem + "\n";
  EXPECT_NE(all.find("full_page_writes"), std::string::npos) << all;
  EXPECT_NE(all.find("remote_apply"), std::string::npos) << all;
  EXPECT_NE(all.find("all 0 replication slots"), std::string::npos) << all;
  EXPECT_EQ(all.find("max_slot_wal_keep_size"), std::string::npos) << all;
}

}  // namespace
}  // namespace tidemark::postgres
