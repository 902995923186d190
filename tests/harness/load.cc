#include "harness/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <random>
#include <thread>
#include <unordered_map>

#include "harness/program.h"
#include "tidemark/clock.h"
#include "tidemark/error.h"

namespace tidemark::test {

namespace {

// What a client wrote down about one transaction before it asked for the commit.
struct Entry {
  std::uint64_t xid = 0;
  bool acknowledged = false;
  Instant acknowledged_at;
  bool two_phase = false;
  std::vector<RowChange> changes;
};

// One client: its rows are its own, so that no client waits for another's locks.
class Client {
 public:
  Client(int number, const LedgerOptions& options)
      : options_(options), number_(number), random_(options.seed * 1000 + static_cast<unsigned>(number)) {}

  // Returns at the stop or when the server is gone.
  void work(const std::string& connection_string, const std::atomic<bool>& stopping,
            std::atomic<std::size_t>& count) {
    try {
      postgres::Connection connection({connection_string, "ledger"}, StopToken());
      for (int i = 0; i < options_.transactions && !stopping; ++i) {
        run_one(connection);
        count += static_cast<std::size_t>(acknowledged_since_);
        acknowledged_since_ = 0;
        if (options_.pause.count() > 0) std::this_thread::sleep_for(options_.pause);
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) failure_ = std::current_exception();
    }
  }

  std::exception_ptr take_failure() { return std::exchange(failure_, nullptr); }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  void run_one(postgres::Connection& connection) {
    const auto choice = random_() % 100;
    Entry entry;
    connection.query("BEGIN");
    insert(connection, entry, 1 + static_cast<int>(random_() % 3));
    entry.xid = std::stoull(connection.query("SELECT pg_current_xact_id()").value());
    if (choice < 25) change_old_rows(connection, entry);
    if (choice >= 25 && choice < 45) use_subtransactions(connection, entry);
    if (choice >= 45 && choice < 55) {
      connection.query("ROLLBACK");
    } else if (options_.two_phase && choice >= 55 && choice < 70) {
      finish_in_two_phases(connection, std::move(entry), choice >= 67);
    } else {
      entries_.push_back(std::move(entry));
      connection.query("COMMIT");
      acknowledge();
    }
  }

  void acknowledge() {
    auto& entry = entries_.back();
    entry.acknowledged = true;
    entry.acknowledged_at = system_clock().now();
    ++acknowledged_since_;
    for (const auto& change : entry.changes) {
      if (change.version == RowChange::kDeleted) {
        mine_.erase(change.id);
      } else {
        mine_[change.id] = change.version;
      }
    }
  }

  void insert(postgres::Connection& connection, Entry& entry, int rows) {
    for (int i = 0; i < rows; ++i) {
      const auto id = static_cast<std::int64_t>(number_) * 1'000'000'000 + next_row_++;
      write(connection, id);
      entry.changes.push_back({id, 0});
    }
  }

  void write(postgres::Connection& connection, std::int64_t id) const {
    connection.query(fmt::format("INSERT INTO {} VALUES ($1, $2, 0, repeat('p', $3::int))", options_.table),
                     {std::to_string(id), std::to_string(number_), std::to_string(options_.payload_bytes)});
  }

  void change_old_rows(postgres::Connection& connection, Entry& entry) {
    if (mine_.empty()) return;
    auto row =
        mine_.lower_bound(static_cast<std::int64_t>(number_) * 1'000'000'000 +
                          static_cast<std::int64_t>(random_() % static_cast<unsigned long>(next_row_)));
    if (row == mine_.end()) row = mine_.begin();
    if (random_() % 3 == 0) {
      connection.query(fmt::format("DELETE FROM {} WHERE id = $1", options_.table),
                       {std::to_string(row->first)});
      entry.changes.push_back({row->first, RowChange::kDeleted});
    } else {
      connection.query(fmt::format("UPDATE {} SET version = version + 1 WHERE id = $1", options_.table),
                       {std::to_string(row->first)});
      entry.changes.push_back({row->first, row->second + 1});
    }
  }

  void use_subtransactions(postgres::Connection& connection, Entry& entry) {
    connection.query("SAVEPOINT kept");
    insert(connection, entry, 1);
    connection.query("RELEASE kept");
    connection.query("SAVEPOINT dropped");
    Entry forgotten;
    insert(connection, forgotten, 1);
    connection.query("ROLLBACK TO dropped");
  }

  void finish_in_two_phases(postgres::Connection& connection, Entry entry, bool roll_back) {
    const auto name = fmt::format("'ledger-{}-{}'", number_, next_row_);
    connection.query("PREPARE TRANSACTION " + name);
    if (roll_back) {
      connection.query("ROLLBACK PREPARED " + name);
      return;
    }
    entry.two_phase = true;
    entries_.push_back(std::move(entry));
    connection.query("COMMIT PREPARED " + name);
    acknowledge();
  }

  LedgerOptions options_;
  int number_;
  std::mt19937 random_;
  std::int64_t next_row_ = 1;
  std::map<std::int64_t, int> mine_;  // rows and versions as committed
  std::vector<Entry> entries_;
  int acknowledged_since_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

struct Ledger::State {
  std::string connection_string;
  LedgerOptions options;
  std::vector<Client> clients;
  std::vector<std::jthread> threads;
  std::atomic<bool> stopping = false;
  std::atomic<std::size_t> acknowledged = 0;
};

Ledger::Ledger(std::string connection_string, const LedgerOptions& options)
    : state_(std::make_unique<State>()) {
  state_->connection_string = std::move(connection_string);
  state_->options = options;
  for (int i = 1; i <= options.clients; ++i) state_->clients.emplace_back(i, options);
  postgres::Connection connection({state_->connection_string, "ledger"}, StopToken());
  connection.query(
      fmt::format("CREATE TABLE IF NOT EXISTS {}(id int8 PRIMARY KEY, client int4 NOT NULL,"
                  " version int4 NOT NULL, payload text NOT NULL)",
                  options.table));
}

Ledger::~Ledger() { state_->stopping = true; }

void Ledger::start() {
  TIDEMARK_CHECK(state_->threads.empty());
  state_->stopping = false;
  for (auto& client : state_->clients) {
    state_->threads.emplace_back(
        [this, &client] { client.work(state_->connection_string, state_->stopping, state_->acknowledged); });
  }
}

void Ledger::wait() {
  state_->threads.clear();  // joins
  for (auto& client : state_->clients) {
    if (auto failure = client.take_failure()) std::rethrow_exception(failure);
  }
}

void Ledger::stop() {
  state_->stopping = true;
  wait();
}

std::size_t Ledger::acknowledged() const { return state_->acknowledged; }

std::vector<CommittedTransaction> Ledger::truth(const std::vector<TransactionEnd>& ends) const {
  std::unordered_map<std::uint32_t, const Entry*> by_xid;
  for (const auto& client : state_->clients) {
    for (const auto& entry : client.entries()) by_xid[static_cast<std::uint32_t>(entry.xid)] = &entry;
  }
  std::vector<CommittedTransaction> result;
  for (const auto& end : ends) {
    if (end.kind != TransactionEnd::Kind::commit && end.kind != TransactionEnd::Kind::commit_prepared)
      continue;
    const auto found = by_xid.find(end.xid);
    if (found == by_xid.end()) continue;  // not the ledger's: creating the table, autovacuum ...
    const auto& entry = *found->second;
    result.push_back({entry.xid, end.time, end.lsn, entry.acknowledged, entry.acknowledged_at,
                      entry.two_phase, entry.changes});
  }
  return result;
}

LedgerRows rows_before(const std::vector<CommittedTransaction>& truth, Lsn lsn) {
  LedgerRows rows;
  for (const auto& transaction : truth) {
    if (transaction.commit_lsn >= lsn) continue;
    for (const auto& change : transaction.changes) {
      if (change.version == RowChange::kDeleted) {
        rows.erase(change.id);
      } else {
        rows[change.id] = change.version;
      }
    }
  }
  return rows;
}

Lsn first_end_after(const std::vector<TransactionEnd>& ends, Instant time) {
  for (const auto& end : ends) {
    if (end.kind != TransactionEnd::Kind::prepare && end.time > time) return end.lsn;
  }
  return {};
}

LedgerRows read_rows(postgres::Connection& connection, const std::string& table) {
  LedgerRows rows;
  for (const auto& row : connection.query(fmt::format("SELECT id, version FROM {}", table)).rows) {
    rows[std::stoll(row[0].value())] = std::stoi(row[1].value());
  }
  return rows;
}

std::string difference(const LedgerRows& expected, const LedgerRows& found) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> missing, extra, other;
  for (const auto& [id, version] : expected) {
    const auto at = found.find(id);
    if (at == found.end()) {
      missing.push_back(std::to_string(id));
    } else if (at->second != version) {
      other.push_back(fmt::format("{} (version {} instead of {})", id, at->second, version));
    }
  }
  for (const auto& [id, version] : found) {
    if (!expected.contains(id)) extra.push_back(std::to_string(id));
  }
  std::string text;
  const auto tell = [&](const char* what, std::vector<std::string>& rows) {
    if (rows.empty()) return;
    const auto count = rows.size();
    rows.resize(std::min(count, kShown));
    text += fmt::format("{} {}: {}{}\n", count, what, fmt::join(rows, ", "), count > kShown ? ", ..." : "");
  };
  tell("rows missing", missing);
  tell("rows too many", extra);
  tell("rows of another version", other);
  return text;
}

}  // namespace tidemark::test
