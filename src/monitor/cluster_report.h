#pragma once
// Everything `status`, `list`, /metrics and /healthz say about one cluster, as values. Whoever gathers fills
// it; the renderers only read. Times are on the primary's clock.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/inventory.h"
#include "catalog/objectives.h"
#include "catalog/receipt.h"
#include "postgres/connection.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::monitor {

struct RepositoryReport {
  std::string name, place;  // place: "posix:/srv/tidemark"
  bool required = true;
  bool encrypted = false;
  std::optional<catalog::Inventory> inventory;  // unset: it could not be read, see error
  std::string error;
  TimelineId timeline;             // the newest with WAL
  Lsn archived;                    // end of contiguous WAL there
  std::uint64_t stored_bytes = 0;  // WAL and backups
};

struct RtoEstimate {
  double seconds = 0;
  bool measured = false;  // false: from defaults, nothing was measured on this host
  catalog::PredictedSeconds phases;
};

// What only the running service knows.
struct ServiceReport {
  std::string state;  // as archive::to_string
  Lsn received, write, flush;
  std::optional<std::string> sync_state;
  std::optional<double> clock_skew_seconds;
  std::string last_error, spool_error, backup_error;
  bool backup_running = false;
  std::optional<double> last_backup_seconds;  // duration of the last one this process took
  std::map<std::string, Lsn> durable;         // by repository
  std::map<std::string, std::string> lane_errors;
  std::uint64_t received_bytes = 0, connections = 0;
  std::map<std::string, std::uint64_t> errors;  // by code
  std::uint64_t spool_free_bytes = 0;
  Instant started;
};

struct ClusterReport {
  std::string name;
  Instant now;
  TimelineId timeline;
  std::optional<Lsn> primary_lsn;  // unset: the primary does not answer, see primary_error
  std::string primary_error;
  Lsn archived_lsn;  // worst required repository
  catalog::Rpo rpo;
  double rpo_objective_seconds = 0, rto_objective_seconds = 0;
  std::optional<RtoEstimate> rto;  // unset: nothing to restore yet
  std::string rto_error;
  std::vector<catalog::RecoveryWindow> windows;  // of the worst required repository that can be read
  std::vector<catalog::Gap> gaps;
  std::vector<RepositoryReport> repositories;
  std::optional<postgres::SlotState> slot;
  std::string slot_name;
  std::optional<catalog::BackupHeader> last_backup;
  std::optional<ServiceReport> service;  // unset: the service does not answer
};

bool rpo_is_met(const ClusterReport& report);
// nullopt: not known.
std::optional<bool> rto_is_met(const ClusterReport& report);
// A missed objective, an unknown one included: exit status 4.
bool objectives_are_met(const ClusterReport& report);

}  // namespace tidemark::monitor
