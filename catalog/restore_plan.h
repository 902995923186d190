#pragma once
// What a restore will do, proven from indexes before a byte is copied: design.md "The contract for exact".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/inventory.h"
#include "catalog/manifest.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/index.h"
#include "wal/timeline_history.h"

namespace tidemark::catalog {

enum class TargetKind : std::uint8_t { time, latest, immediate, lsn, xid, before_xid, name };

struct Target {
  TargetKind kind = TargetKind::latest;
  std::string requested;  // as it was typed
  Instant time;           // kind time
  Lsn lsn;                // kind lsn
  std::uint64_t xid = 0;  // kinds xid, before_xid; above 2^32: with epoch
  std::string name;       // kind name
};
// Everything but times, which need a zone and a clock (cli resolves those): "latest", "immediate",
// "lsn:0/3000028", "xid:1234", "before-xid:1234", "name:before_release". nullopt: not one of these forms.
// Error usage: malformed.
std::optional<Target> parse_positional_target(std::string_view text);

// What the plan reads beyond the inventory: the index of stretches of WAL. Implemented by repository
// (objects) and by tests.
class IndexSource {
 public:
  virtual ~IndexSource() = default;
  struct Row {  // a stretch whose index can be loaded at once; rows of a timeline are in order
    TimelineId timeline;
    Lsn start, end;
    std::optional<Instant> earliest,
        latest;               // of its transaction ends; unset: none, so it need not be loaded for times
    bool summarized = false;  // false: earliest/latest are not known before it is loaded
    std::uint64_t key = 0;    // the source's own
  };
  // Rows that overlap [from, to), in order, each beginning where the one before ends: a hole is an Error
  // refused (wal_missing). A record belongs to the row where it ends.
  virtual std::vector<Row> rows(TimelineId timeline, Lsn from, Lsn to) = 0;
  virtual wal::WalIndex load(const Row& row) = 0;
};

enum class StopReason : std::uint8_t {
  stopper,     // before the first record that must not be replayed: exclusive
  end_of_wal,  // start of the last whole record archived: inclusive
  backup_end,  // nothing happened since the backup: stop at the start of BACKUP_END
  lsn,         // the record the user named: everything that starts before it: exclusive
  immediate,   // as soon as the backup is consistent
  record,      // with this record (xid:, name:): inclusive
};

struct StopPoint {
  Lsn lsn;                 // recovery_target_lsn
  bool inclusive = false;  // recovery_target_inclusive
  StopReason reason = StopReason::end_of_wal;
  bool operator==(const StopPoint&) const = default;
};

struct PlanRequest {
  Target target;
  std::optional<BackupId> backup;
  std::optional<TimelineId> timeline;
};

struct RestorePlan {
  Target target;
  BackupHeader backup;
  TimelineId timeline;  // numeric recovery_target_timeline
  std::vector<wal::TimelineSpan> path;
  StopPoint stop;
  std::optional<Instant> resolved_time;  // kind time: the moment asked; else the last kept transaction's time
  std::optional<wal::TransactionEnd> last_kept;      // last commit replayed
  std::optional<wal::TransactionEnd> first_dropped;  // first commit or abort not replayed
  std::optional<std::uint64_t> last_kept_full_xid, first_dropped_full_xid;  // with epoch, when known
  std::uint64_t skipped_older = 0;  // commits stamped at or before the moment asked that lie behind the stop
  Lsn wal_from, wal_to;             // [backup start, end of what replay reads): every byte proven present
  std::uint64_t wal_bytes = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t transactions = 0;  // transaction ends to replay
  // True when the WAL proves that hot standby is active before the stop, so that recovery_target_action =
  // pause pauses.
  bool pause_is_safe = false;
  // Settings that must be at least this on the restored server: from the backup's pg_control and parameter
  // changes on the way.
  std::int32_t max_connections = 0, max_worker_processes = 0, max_wal_senders = 0,
               max_prepared_transactions = 0, max_locks_per_transaction = 0;
  bool idle_extended = false;             // the moment lies behind the last transaction, inside an idle proof
  std::optional<Instant> proven_until;    // nothing acknowledged by then is missing from the archive
  std::optional<Instant> oldest_skipped;  // the earliest stamp among those that skipped_older counts
  std::vector<std::string> notes;         // what the reader should know besides, a sentence each
};

// Throws Error refused (codes: target_before_window, target_after_window, target_in_gap, no_backup,
// wal_missing, history_missing, xid_unknown, xid_ambiguous, name_unknown, name_ambiguous, timeline_ambiguous,
// lsn_not_reachable ...) whose hint names the window and the nearest reachable moments, ready to paste.
RestorePlan make_restore_plan(const Inventory& inventory, const PlanRequest& request, IndexSource& source);

// JSON of `restore --plan` (design.md "JSON that others read"), and lines for a person.
struct PredictedSeconds {
  double plan = 0, files = 0, wal = 0, replay = 0, start = 0;
  bool measured = false;  // false: defaults, nothing was restored on this host yet
  double total() const { return plan + files + wal + replay + start; }
};
std::string render_plan_json(const RestorePlan& plan, const PredictedSeconds& predicted);
std::string render_plan_text(const RestorePlan& plan, const PredictedSeconds& predicted);

}  // namespace tidemark::catalog
