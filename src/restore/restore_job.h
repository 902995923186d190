#pragma once
// A restore from target to receipt: design.md "A timestamp". Plan, refusals, copy, settings, then with
// `start`: recovery, check, action, receipt. One thread calls it; it starts its own.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/receipt.h"
#include "catalog/restore_plan.h"
#include "disk/durable_ops.h"
#include "repository/wal_archive.h"
#include "restore/prefetcher.h"
#include "restore/recovery_settings.h"
#include "restore/tablespaces.h"
#include "tidemark/clock.h"
#include "tidemark/progress.h"
#include "tidemark/stop.h"

namespace tidemark::restore {

struct RestoreSource {
  std::shared_ptr<repository::Repository> repository;
  catalog::Incarnation incarnation;
};

struct RestoreOptions {
  std::filesystem::path target_directory;  // absolute
  catalog::PlanRequest request;
  std::vector<TablespaceMapping> tablespace_map;
  int jobs = 2;
  bool start = false;
  std::optional<TargetAction> action;  // unset: promote with start, pause without

  // For restore_command: our own executable and what it needs to find its configuration again (--config FILE
  // --cluster C).
  std::filesystem::path program;
  std::vector<std::string> program_arguments;
  std::string configuration_file, cluster;  // remembered for people and for `adopt`

  std::optional<std::filesystem::path> binaries;  // of the server
  std::optional<std::string> server_user;         // OS user whom the files shall belong to; for root
  std::vector<std::string> database_users;        // superuser roles to try, before "postgres"
  std::optional<int> port;
  std::optional<std::filesystem::path> socket_directory;
  std::string listen_addresses = "localhost";
  std::vector<Setting> settings;  // override everything else
  bool claim_timeline = true;     // false for scratch copies that will never archive
  bool store_receipt = true;
  PrefetchLimits prefetch;
};

struct PlannedRestore {
  catalog::RestorePlan plan;
  catalog::PredictedSeconds predicted;
  std::string repository;  // the one that was read
  double seconds = 0;
};

struct RestoreOutcome {
  catalog::Receipt receipt;  // without start: what was prepared; reached_* unset, exact false
  bool started = false;
  bool running = false;           // the server was left running
  std::string connection_string;  // when it runs
  std::string repository;
  std::vector<std::string> notes;  // what the reader should know, a sentence each
};

class RestoreJob {
 public:
  // `sources`: by preference; the first that can be read and whose plan is possible is taken. `ops`, `clock`,
  // `progress` must outlive the job.
  RestoreJob(std::vector<RestoreSource> sources, RestoreOptions options, disk::DurableOps& ops, Clock& clock,
             Progress& progress, StopToken stop);
  ~RestoreJob();

  // Touches nothing. Errors refused (see catalog::make_restore_plan), and what every repository threw.
  const PlannedRestore& plan();
  // Errors refused: the target is not fit, and nothing was touched; corrupt, io, unavailable: it ended
  // half-way, the directory says so and the same command begins anew. An inexact result is no error:
  // outcome.receipt.exact is false, with differences, and the server was not promoted where that could be
  // helped.
  RestoreOutcome run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::restore
