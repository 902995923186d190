#pragma once
// A restored server while it recovers: started, watched until replay stands at the target, asked, promoted.
// One thread. postgres-notes 2.3, 6.4.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/restore_plan.h"
#include "pgdata/control_file.h"
#include "postgres/connection.h"
#include "postgres/server_control.h"
#include "restore/reached_check.h"
#include "restore/server_place.h"
#include "tidemark/clock.h"
#include "tidemark/error.h"
#include "tidemark/progress.h"
#include "tidemark/stop.h"

namespace tidemark::restore {

enum class RecoveryEnd {
  paused,     // at its target, or where a setting is too small for the WAL
  promoted,   // by itself
  shut_down,  // state "shut down in recovery"
};

class RestoredServer {
 public:
  // Launches it. `why`: what the prefetcher knows about a failed request, for messages.
  RestoredServer(postgres::ServerStart start, ServerPlace place, Clock& clock, StopToken stop,
                 std::function<std::string()> why);

  // Waits as long as it takes. Error unavailable/"recovery_failed" with the log's end when the server ends
  // otherwise.
  RecoveryEnd watch(const catalog::RestorePlan& plan, Progress& progress);
  ReachedFacts read_reached(const catalog::RestorePlan& plan);
  // Their gids. During recovery PostgreSQL shows none: after promotion only.
  std::vector<std::string> read_prepared_transactions();
  // Opens without waiting for a checkpoint, and returns when a write was durable.
  void promote();
  TimelineId prove_write();  // a transaction of its own; the timeline that it was written on
  void reload_configuration();
  void stop();  // fast
  std::string connection_string() const;
  std::string log_tail() const { return process_.log_tail(20); }

 private:
  std::optional<postgres::Connection> try_connect();
  postgres::Connection& connection();
  std::optional<RecoveryEnd> look(const catalog::RestorePlan& plan, Progress& progress);
  std::optional<std::string> status_of(std::optional<std::uint64_t> full_xid, std::uint32_t xid);
  void tell(const catalog::RestorePlan& plan, Lsn replayed, std::optional<Instant> time, Progress& progress);
  RecoveryEnd ended();
  Error failure(const std::string& what);

  postgres::ServerStart start_;
  ServerPlace place_;
  Clock& clock_;
  StopToken stop_;
  std::function<std::string()> why_;
  postgres::ServerProcess process_;
  std::optional<postgres::Connection> connection_;
  std::size_t role_ = 0;  // index of the role that works
  std::string database_ = "postgres";
  std::string refusal_;  // the last refused login, for the message when none works
  std::chrono::steady_clock::time_point began_, told_;
  Lsn first_replayed_;
  std::chrono::steady_clock::time_point first_look_;
};

}  // namespace tidemark::restore
