#include "harness/load.h"

#include <gtest/gtest.h>

#include <thread>

#include "harness/free_port.h"
#include "harness/postgres_cluster.h"
#include "harness/program.h"

namespace tidemark::test {
namespace {

const std::vector<std::string> kKeepWal = {"wal_keep_size = '2GB'"};

TEST(TransactionEnds, ReadsPgWaldumpsLines) {
  TransactionEnd end;
  const std::string head =
      "rmgr: Transaction len (rec/tot):     34/    34, tx:        735, lsn: 1/0054D1A0, prev "
      "0/0154D168, desc: ";
  ASSERT_TRUE(parse_transaction_end(head + "COMMIT 2026-11-22 03:04:05.123456 UTC; subxacts: 736", end));
  EXPECT_EQ(end.kind, TransactionEnd::Kind::commit);
  EXPECT_EQ(end.xid, 735U);
  EXPECT_EQ(end.lsn.to_string(), "1/54D1A0");
  EXPECT_EQ(end.time.to_iso(), "2026-11-22T03:04:05.123456Z");
  ASSERT_TRUE(parse_transaction_end(head + "ABORT_PREPARED 740: 2026-11-22 03:04:05.000001 UTC", end));
  EXPECT_EQ(end.kind, TransactionEnd::Kind::abort_prepared);
  EXPECT_EQ(end.xid, 740U);
  ASSERT_TRUE(parse_transaction_end(head + "PREPARE gid some name: 2026-11-22 03:04:05.000002 UTC", end));
  EXPECT_EQ(end.kind, TransactionEnd::Kind::prepare);
  EXPECT_FALSE(parse_transaction_end(head + "ASSIGNMENT xtop 735: subxacts: 736", end));
  EXPECT_FALSE(
      parse_transaction_end("rmgr: Heap len (rec/tot): 1/1, tx: 7, lsn: 0/1, prev 0/0, desc: INSERT", end));
}

TEST(Ledger, ItsTruthIsTheTablesContent) {
  PostgresCluster cluster({.settings = kKeepWal});
  Ledger ledger(cluster.connection_string(), {.clients = 3, .transactions = 60, .two_phase = true});
  ledger.run();
  ledger.run();  // rows and versions go on
  const auto ends = read_transaction_ends(cluster.data_directory() / "pg_wal");
  const auto truth = ledger.truth(ends);
  EXPECT_EQ(truth.size(), ledger.acknowledged());
  EXPECT_TRUE(std::is_sorted(truth.begin(), truth.end(),
                             [](const auto& a, const auto& b) { return a.commit_lsn < b.commit_lsn; }));
  EXPECT_TRUE(std::any_of(truth.begin(), truth.end(), [](const auto& one) { return one.two_phase; }));
  auto connection = cluster.connect();
  const auto expected = rows_before(truth, Lsn(~0ULL));
  EXPECT_GT(expected.size(), 200U);
  EXPECT_EQ(difference(expected, read_rows(connection)), "");
  // The server's own record of commit times agrees with the WAL's.
  for (const auto& one : {truth.front(), truth.back()}) {
    const auto stamp =
        connection.query("SELECT (extract(epoch FROM pg_xact_commit_timestamp($1::xid)) * 1000000)::int8",
                         {std::to_string(one.xid)});
    EXPECT_EQ(stamp.value(), std::to_string(one.commit_time.unix_microseconds()));
  }
}

TEST(Ledger, AKilledServerLosesNothingAcknowledged) {
  PostgresCluster cluster({.settings = kKeepWal});
  Ledger ledger(cluster.connection_string(), {.clients = 4, .transactions = 1'000'000});
  ledger.start();
  ASSERT_TRUE(eventually([&] { return ledger.acknowledged() > 100; }));
  cluster.kill();
  ledger.wait();
  cluster.start();
  const auto truth = ledger.truth(read_transaction_ends(cluster.data_directory() / "pg_wal"));
  EXPECT_GE(truth.size(), ledger.acknowledged());
  auto connection = cluster.connect();
  EXPECT_EQ(difference(rows_before(truth, Lsn(~0ULL)), read_rows(connection)), "");
}

TEST(Ledger, APrefixOfTheWalIsAPrefixOfTheTruth) {
  std::vector<CommittedTransaction> truth(3);
  truth[0].commit_lsn = Lsn(100);
  truth[0].changes = {{1, 0}, {2, 0}};
  truth[1].commit_lsn = Lsn(200);
  truth[1].changes = {{1, 1}, {3, 0}};
  truth[2].commit_lsn = Lsn(300);
  truth[2].changes = {{2, RowChange::kDeleted}};
  EXPECT_EQ(rows_before(truth, Lsn(100)), LedgerRows());
  EXPECT_EQ(rows_before(truth, Lsn(200)), (LedgerRows{{1, 0}, {2, 0}}));
  EXPECT_EQ(rows_before(truth, Lsn(300)), (LedgerRows{{1, 1}, {2, 0}, {3, 0}}));
  EXPECT_EQ(rows_before(truth, Lsn(301)), (LedgerRows{{1, 1}, {3, 0}}));
}

TEST(Ledger, ADifferenceNamesRows) {
  EXPECT_EQ(difference({{1, 0}}, {{1, 0}}), "");
  EXPECT_EQ(difference({{1, 0}, {2, 0}, {3, 1}}, {{1, 0}, {3, 0}, {4, 0}}),
            "1 rows missing: 2\n1 rows too many: 4\n1 rows of another version: 3 (version 0 instead of 1)\n");
}

TEST(FirstEndAfter, IsTheFirstInWalOrderStampedLater) {
  std::vector<TransactionEnd> ends(4);
  const auto at = [](int second) { return Instant::from_postgres(second * 1'000'000LL); };
  ends[0] = {TransactionEnd::Kind::commit, 1, Lsn(10), at(1)};
  ends[1] = {TransactionEnd::Kind::prepare, 2, Lsn(20), at(9)};
  ends[2] = {TransactionEnd::Kind::abort, 3, Lsn(30), at(5)};
  ends[3] = {TransactionEnd::Kind::commit, 4, Lsn(40), at(2)};
  EXPECT_EQ(first_end_after(ends, at(1)), Lsn(30));
  EXPECT_EQ(first_end_after(ends, at(0)), Lsn(10));
  EXPECT_FALSE(first_end_after(ends, at(5)).valid());
}

}  // namespace
}  // namespace tidemark::test
