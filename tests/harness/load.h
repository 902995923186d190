#pragma once
// Load with known truth: clients insert, change, delete, roll back, use subtransactions and two-phase
// commits, and write down what each transaction did. Together with the order of the ends in the WAL that
// gives the exact contents of the table for every prefix of the WAL.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/transaction_ends.h"
#include "postgres/connection.h"

namespace tidemark::test {

// Contents of the ledger's table: row id -> version (0 when inserted, one more with every update).
using LedgerRows = std::map<std::int64_t, int>;

struct RowChange {
  static constexpr int kDeleted = -1;
  std::int64_t id = 0;
  int version = 0;  // or kDeleted
};

struct CommittedTransaction {
  std::uint64_t xid = 0;
  Instant commit_time;
  Lsn commit_lsn;             // start of the commit record
  bool acknowledged = false;  // the client saw the commit succeed
  Instant acknowledged_at;    // by this machine's clock, read after the answer
  bool two_phase = false;
  std::vector<RowChange> changes;
};

struct LedgerOptions {
  int clients = 4;
  int transactions = 100;              // of each client, for each start()
  bool two_phase = false;              // some transactions are prepared first
  std::chrono::microseconds pause{0};  // between a client's transactions
  std::size_t payload_bytes = 40;
  unsigned seed = 1;
  std::string table = "ledger";  // created when it is not there
};

// start() and wait() or stop() may be repeated; rows and versions go on. One thread uses it; the clients are
// its own.
class Ledger {
 public:
  explicit Ledger(std::string connection_string, const LedgerOptions& options = {});
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  void start();
  void wait();  // until every client is through; a client whose server vanished ends silently, other errors
                // are thrown
  void stop();  // as wait(), but after the transactions in flight
  void run() {
    start();
    wait();
  }
  std::size_t acknowledged() const;  // commits so far; any thread

  // What was committed, in WAL order. Commits without a client's answer are among them, marked: the WAL
  // decides.
  std::vector<CommittedTransaction> truth(const std::vector<TransactionEnd>& ends) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The table's contents after every transaction whose commit record starts before `lsn`.
LedgerRows rows_before(const std::vector<CommittedTransaction>& truth, Lsn lsn);
// PostgreSQL's rule for a time: the WAL up to the first end of a transaction stamped later; 0/0: there is
// none.
Lsn first_end_after(const std::vector<TransactionEnd>& ends, Instant time);

LedgerRows read_rows(postgres::Connection& connection, const std::string& table = "ledger");
// "" when equal; else what is missing, too much or of another version, some of each.
std::string difference(const LedgerRows& expected, const LedgerRows& found);

}  // namespace tidemark::test
