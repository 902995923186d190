#pragma once
// For the exactness suite: a cluster with the service beside it, the truth about its transactions from
// PostgreSQL's own pg_waldump, and restores with the real program that are compared with it.

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/load.h"
#include "harness/postgres_cluster.h"
#include "harness/program.h"
#include "harness/tidemark_program.h"
#include "harness/transaction_ends.h"

namespace tidemark::test {

// Long loops run only with TIDEMARK_DEEP=1.
bool deep();
int rounds(int usual, int when_deep);

// What the WAL holds, as pg_waldump tells it, and what the ledger's clients did in it.
struct Truth {
  std::vector<TransactionEnd> ends;  // in WAL order, prepares among them
  std::vector<CommittedTransaction> commits;

  std::optional<TransactionEnd> last_commit_before(Lsn limit) const;
  std::optional<TransactionEnd> first_end_from(Lsn limit) const;     // commits and aborts
  std::size_t commits_stamped_until(Instant asked, Lsn from) const;  // whose records start at `from` or later
  Lsn limit_for(Instant asked) const;  // PostgreSQL's rule; kEverything: no stopper
  std::optional<TransactionEnd> end_of(std::uint64_t xid) const;
  const CommittedTransaction& commit_near(double fraction) const;  // of the ledger, in WAL order
};
inline constexpr Lsn kEverything{~0ULL};

// Cluster, program and ledger. init and the service's start are the test's.
class Scene {
 public:
  explicit Scene(const LedgerOptions& load = {}, const TidemarkOptions& tidemark = {},
                 const std::vector<std::string>& settings = {});

  PostgresCluster cluster;
  TidemarkProgram tidemark;
  Ledger ledger;

  void begin();          // init, service, and its first backup
  std::string backup();  // `backup --full`; its id
  void finish();         // everything archived, service stopped, truth read
  void read_truth(TimelineId timeline = TimelineId(1));
  Truth truth;

  std::filesystem::path new_target();  // a path that does not exist
  std::size_t receipts() const;        // stored in the first repository
  // The folder of the cluster's WAL of a timeline in a repository.
  static std::filesystem::path wal_folder(const std::filesystem::path& repository, int timeline = 1);

 private:
  int targets_ = 0;
};

struct Restored {
  CommandResult result;
  std::filesystem::path directory;
  std::unique_ptr<RestoredServer> server;  // when it runs
  const Json& plan() const { return result.document.at("plan"); }
};
// `restore --to T --target-dir D --start --json --port P` and what is said more.
Restored restore(Scene& scene, const std::string& to, const std::vector<std::string>& more = {});
Restored restore(Scene& scene, const TidemarkProgram& program, const std::string& to,
                 const std::vector<std::string>& more = {});
CommandResult plan(const TidemarkProgram& program, const std::string& to,
                   const std::vector<std::string>& more = {});

// The plan names the transactions around the limit: all records that start below it are replayed.
void expect_plan_agrees(const Json& plan, const Truth& truth, Lsn limit,
                        std::optional<Instant> asked = std::nullopt);
// Exit status 0, reached what was planned, and the ledger's rows are those of the WAL below the limit.
void expect_exact(Restored& restored, const Truth& truth, Lsn limit,
                  std::optional<Instant> asked = std::nullopt);
// The whole way for one target, with the plan asked for first and the receipt looked for behind.
void expect_restores(Scene& scene, const std::string& to, Lsn limit,
                     std::optional<Instant> asked = std::nullopt, const std::vector<std::string>& more = {});
// Exit status 3 with this code, a hint, and nothing at `directory`.
void expect_refused(const CommandResult& result, const std::string& code,
                    const std::filesystem::path& directory = {});

Instant instant_of(const Json& text);
Lsn lsn_of(const Json& text);

}  // namespace tidemark::test
