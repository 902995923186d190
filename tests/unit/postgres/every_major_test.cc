// What differs between PostgreSQL's majors, tried on each that this machine has: grants, grammar, refusals.

#include <gtest/gtest.h>

#include "harness/program.h"
#include "postgres/wal_stream.h"
#include "unit/postgres/shared_cluster.h"

namespace tidemark::postgres {
namespace {

using namespace std::chrono_literals;

class EveryMajor : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (!test::server_available(GetParam())) GTEST_SKIP() << "no PostgreSQL " << GetParam() << " here";
    cluster_ = std::make_unique<test::PostgresCluster>(test::ClusterOptions{
        .major = GetParam(),
        .segment_megabytes = 1,
        .settings = {"max_slot_wal_keep_size = '2MB'", "min_wal_size = '2MB'", "max_wal_size = '4MB'"}});
  }
  ConnectionOptions options(const std::string& more = "") const {
    return {cluster_->connection_string() + more};
  }
  // The first Error of starting and receiving, as the server likes.
  static Error stream_error_of(WalStream& stream, const std::string& slot, Lsn from) {
    return error_of([&] {
      stream.start(slot, from, TimelineId(1));
      for (;;) {
        if (stream.receive(std::chrono::steady_clock::now() + 20s, -1).kind == StreamEvent::Kind::timeout)
          return;
      }
    });
  }

  std::unique_ptr<test::PostgresCluster> cluster_;
};

TEST_P(EveryMajor, GrantsMakeAWeakRoleFit) {
  cluster_->sql("CREATE ROLE weak LOGIN");
  Connection connection(options(" user=weak"), StopToken());
  EXPECT_EQ(connection.major(), GetParam());
  const auto facts = read_server_facts(connection);
  EXPECT_EQ(facts.segment_bytes, 1U << 20);
  for (const auto& item : check_server(connection, facts, "tm")) {
    if (item.remedy.starts_with("GRANT") || item.remedy.starts_with("ALTER ROLE")) cluster_->sql(item.remedy);
  }
  for (const auto& item : check_server(connection, facts, "tm")) EXPECT_FALSE(item.fatal) << item.problem;
  EXPECT_EQ(read_server_facts(connection).data_directory, cluster_->data_directory().string());
  const auto moment = read_server_moment(connection);
  EXPECT_GE(moment.insert_lsn, moment.flush_lsn);
  EXPECT_EQ(create_physical_slot(connection, "tm"), SlotCreation::created);
  const auto backup =
      GetParam() < 15 ? "SELECT pg_start_backup('x', true, false)" : "SELECT pg_backup_start('x', true)";
  EXPECT_TRUE(Lsn::parse(connection.query(backup).value()));
}

TEST_P(EveryMajor, StreamsAndTellsWhyNot) {
  auto sql = cluster_->connect();
  create_physical_slot(sql, "tm");
  const Lsn from(read_slot(sql, "tm")->restart_lsn.value() >> 20 << 20);
  auto stream = open_wal_stream(options(), StopToken());
  EXPECT_EQ(stream->identify().system_id, read_server_facts(sql).system_id);
  sql.query("CREATE TABLE t AS SELECT 1 AS i");
  ASSERT_EQ(stream->start("tm", from, TimelineId(1)), std::nullopt);
  for (Lsn at = from; at < read_server_moment(sql).flush_lsn;) {
    const auto event = stream->receive(std::chrono::steady_clock::now() + 20s, -1);
    ASSERT_NE(event.kind, StreamEvent::Kind::timeout);
    if (event.kind == StreamEvent::Kind::data) at = event.start + event.bytes.size();
  }
  stream->finish();

  const auto code = [&](const std::string& slot, Lsn at) {
    return std::string(stream_error_of(*stream, slot, at).code());
  };
  EXPECT_EQ(code("tm", from + (1ULL << 30)), "ahead_of_server");
  EXPECT_EQ(code("missing", from), "slot_missing");
  for (int i = 0; i < 4; ++i) {
    sql.query("INSERT INTO t SELECT generate_series(1, 40000)");
    sql.query("SELECT pg_switch_wal()");
    sql.query("CHECKPOINT");
  }
  ASSERT_EQ(read_slot(sql, "tm")->wal_status, "lost");
  const auto lost = open_wal_stream(options(), StopToken());
  const auto error = stream_error_of(*lost, "tm", from);
  EXPECT_EQ(error.kind(), ErrorKind::refused) << error.what();
  EXPECT_TRUE(error.code() == "slot_lost" || error.code() == "wal_removed") << error.code();
}

INSTANTIATE_TEST_SUITE_P(Majors, EveryMajor, testing::Values(13, 14, 15, 16, 17, 18));

}  // namespace
}  // namespace tidemark::postgres
