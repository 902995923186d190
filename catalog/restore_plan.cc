#include "catalog/restore_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "catalog/run_search.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

constexpr std::size_t kRestorePointNameBytes = 63;  // MAXFNAMELEN - 1

Error refuse(std::string_view code, std::string message) {
  return Error(ErrorKind::refused, std::move(message)).code(code);
}

// Recovery must have replayed all of the backup's own WAL before it may stop: notes 2.3, 3.4.
bool consistent_at(const BackupHeader& backup, const FoundStop& found) {
  const StopPoint& stop = found.stop;
  if (!backup.backup_end.valid())
    return stop.inclusive ? found.read_to >= backup.stop : stop.lsn >= backup.stop;
  return stop.inclusive ? stop.lsn >= backup.backup_end : stop.lsn > backup.backup_end;
}

bool allowed(const BackupHeader& backup, const std::optional<BackupId>& wanted) {
  return !wanted || backup.id == *wanted;
}

// The newest backup that is consistent at the stop. Chosen by LSN, never by clock.
const BackupHeader* choose_backup(const FoundStop& found, const std::optional<BackupId>& wanted) {
  const auto& backups = found.run->run().backups;
  const auto chosen = std::find_if(backups.rbegin(), backups.rend(), [&](const BackupHeader* backup) {
    return allowed(*backup, wanted) && consistent_at(*backup, found);
  });
  return chosen == backups.rend() ? nullptr : *chosen;
}

// The stop lies inside a backup, before its end. Where no transaction ended in between, the end of the backup
// is the same state, and the earliest point at which PostgreSQL can stop.
const BackupHeader* move_to_backup_end(FoundStop& found, const std::optional<BackupId>& wanted) {
  for (const BackupHeader* backup : found.run->run().backups) {
    const bool inside = backup->start <= found.stop.lsn && backup->backup_end.valid();
    if (!inside || !allowed(*backup, wanted)) continue;
    const auto next = found.run->first_end_from(replay_limit(found.stop));
    if (next && next->start < backup->backup_end) continue;
    found.stop = {backup->backup_end, true, StopReason::backup_end};
    found.read_to = backup->stop;
    return backup;
  }
  return nullptr;
}

Error refuse_stop_inside(const Runs& runs, const FoundStop& found, const PlanRequest& request) {
  const std::string where = found.stop.lsn.to_string();
  if (request.backup) {
    return refuse("backup_too_new", fmt::format("backup {} cannot lead to {}: it ends behind it",
                                                request.backup->to_string(), where))
        .hint("leave --backup out: the newest backup that leads there is chosen");
  }
  const BackupHeader& oldest = found.run->oldest();
  return refuse("target_before_window", fmt::format("cannot restore to {}: replay would stop at {}, inside "
                                                    "the oldest backup {}, which is consistent "
                                                    "from {} on; {}",
                                                    request.target.requested, where, oldest.id.to_string(),
                                                    oldest.stop.to_string(), describe_windows(runs)))
      .hint(fmt::format("the earliest state that this backup gives is --to immediate --backup {}",
                        oldest.id.to_string()));
}

FoundStop find_stop(const Runs& runs, const PlanRequest& request) {
  switch (request.target.kind) {
    case TargetKind::time:
      return find_time(runs, request.target);
    case TargetKind::latest:
      return find_latest(runs);
    case TargetKind::immediate:
      return find_immediate(runs, request.backup);
    case TargetKind::lsn:
      return find_lsn(runs, request.target);
    case TargetKind::xid:
    case TargetKind::before_xid:
      return find_xid(runs, request.target);
    case TargetKind::name:
      return find_name(runs, request.target);
  }
  throw Error(ErrorKind::internal, "unknown kind of target");
}

// The lowest timeline whose own objects, with its ancestors', hold all that is replayed: recovery asks for no
// higher one.
TimelineId target_timeline(const Inventory& inventory, const FoundStop& found, Lsn from) {
  const wal::TimelineHistory& history = found.run->history();
  const TimelineId lowest = history.timeline_at(found.stop.lsn);
  for (const wal::TimelineSpan& span : history.path()) {
    if (span.timeline < lowest) continue;
    const wal::TimelineHistory* own = history_of(inventory, span.timeline);
    if (own != nullptr && contiguous_end(inventory, *own, from) >= found.read_to) return span.timeline;
  }
  return history.timeline();
}

// Gathers from every record that will be replayed what the server must be set up for.
class ReplayFacts {
 public:
  ReplayFacts(RestorePlan& plan, RunSearch& run) : plan_(plan), run_(run), limit_(replay_limit(plan.stop)) {}

  void gather() {
    const std::size_t rows = run_.rows_before(limit_);
    for (std::size_t i = run_.reader().row_behind(plan_.backup.start); i < rows; ++i)
      take(run_.reader().load(i));
    plan_.pause_is_safe = active_from_ && last_known_ >= std::max(*active_from_, plan_.backup.stop);
    if (next_full_xid_ && plan_.last_kept) {
      plan_.last_kept_full_xid = full_xid_near(*next_full_xid_, plan_.last_kept->xid);
    }
    if (next_full_xid_ && plan_.first_dropped) {
      plan_.first_dropped_full_xid = full_xid_near(*next_full_xid_, plan_.first_dropped->xid);
    }
  }

 private:
  bool replayed(Lsn start) const { return plan_.backup.start <= start && start < limit_; }

  void take(const wal::WalIndex& index) {
    for (const wal::TransactionEnd& end : index.ends) {
      if (!replayed(end.start)) continue;
      ++plan_.transactions;
      last_known_ = std::max(last_known_, end.start);
    }
    for (const wal::Event& event : index.events) {
      if (replayed(event.start)) take(event);
    }
    if (replayed(index.last_record)) last_known_ = std::max(last_known_, index.last_record);
  }

  void take(const wal::Event& event) {
    last_known_ = std::max(last_known_, event.start);
    switch (event.kind) {
      case wal::EventKind::checkpoint_shutdown:
        note_snapshot(event);
        next_full_xid_ = event.a;
        break;
      case wal::EventKind::checkpoint_online:
        next_full_xid_ = event.a;
        break;
      case wal::EventKind::running_transactions:
        if (event.a == 0) note_snapshot(event);
        break;
      case wal::EventKind::parameter_change:
        take_settings(event);
        break;
      default:
        break;
    }
  }

  // From here on a standby knows which transactions run, so that it can be queried once it is consistent
  // (notes 2.3).
  void note_snapshot(const wal::Event& event) {
    if (!active_from_) active_from_ = event.end;
  }

  void take_settings(const wal::Event& event) {
    if (event.a == 0) {
      throw refuse(
          "wal_level_minimal",
          fmt::format(
              "the server ran with wal_level=minimal from {} on, and WAL written then cannot be replayed",
              event.start.to_string()))
          .hint("restore to a moment before, or from a backup taken later");
    }
    plan_.max_connections = std::max(plan_.max_connections, static_cast<std::int32_t>(event.b >> 32));
    plan_.max_prepared_transactions =
        std::max(plan_.max_prepared_transactions, static_cast<std::int32_t>(event.b & 0xFFFF'FFFF));
  }

  RestorePlan& plan_;
  RunSearch& run_;
  Lsn limit_;
  std::optional<Lsn> active_from_;
  Lsn last_known_;
  std::optional<std::uint64_t> next_full_xid_;
};

// Commits stamped at or before the moment asked that lie behind the stop.
void count_skipped(RestorePlan& plan, RunSearch& run) {
  const Instant asked = plan.target.time;
  const Lsn limit = replay_limit(plan.stop);
  for (std::size_t i = run.reader().row_behind(limit); i < run.reader().rows().size(); ++i) {
    if (!run.reader().rows()[i].may_end_by(asked)) continue;
    for (const wal::TransactionEnd& end : run.reader().load(i).ends) {
      if (end.start < limit || !end.committed() || end.time > asked) continue;
      ++plan.skipped_older;
      plan.oldest_skipped = plan.oldest_skipped ? std::min(*plan.oldest_skipped, end.time) : end.time;
    }
  }
}

void fill_moments(RestorePlan& plan, RunSearch& run) {
  const Lsn limit = replay_limit(plan.stop);
  plan.last_kept = run.last_end_before(limit, true);
  plan.first_dropped = run.first_end_from(limit);
  const auto latest = run.latest();
  plan.proven_until = latest;
  if (run.proof() && (!latest || *latest < run.proof()->time)) plan.proven_until = run.proof()->time;
  if (plan.target.kind == TargetKind::time) {
    plan.resolved_time = plan.target.time;
    plan.idle_extended = plan.stop.reason != StopReason::stopper && (!latest || *latest < plan.target.time);
    count_skipped(plan, run);
  } else if (plan.last_kept) {
    plan.resolved_time = plan.last_kept->time;
  }
}

void add_notes(RestorePlan& plan, const Inventory& inventory, const RunSearch& run) {
  for (const WalStretch& stretch : inventory.wal) {
    const bool behind = stretch.timeline == run.history().timeline() && stretch.start > run.end();
    if (plan.target.kind != TargetKind::latest || !behind) continue;
    plan.notes.push_back(
        fmt::format("WAL from {} on is archived too but cannot be reached: {} to {} is missing",
                    stretch.start.to_string(), run.end().to_string(), stretch.start.to_string()));
    break;
  }
  if (plan.stop.reason == StopReason::backup_end) {
    plan.notes.push_back(
        "replay stops at the end of the backup, which no transaction separates from what was asked for");
  }
  if (plan.backup.bad_page_count > 0) {
    plan.notes.push_back(fmt::format("backup {} holds {} pages whose checksum was wrong when they were read",
                                     plan.backup.id.to_string(), plan.backup.bad_page_count));
  }
}

RestorePlan complete(const Inventory& inventory, const PlanRequest& request, FoundStop& found,
                     const BackupHeader& backup) {
  RestorePlan plan;
  plan.target = request.target;
  plan.backup = backup;
  plan.stop = found.stop;
  plan.wal_from = backup.start;
  // A record that ends with its page counts as ending behind the next page's header, which need not be
  // archived.
  plan.wal_to = std::min(std::max(found.read_to, backup.stop), found.run->end());
  found.read_to = plan.wal_to;
  plan.wal_bytes = plan.wal_to - plan.wal_from;
  plan.file_bytes = backup.bytes;
  plan.timeline = target_timeline(inventory, found, backup.start);
  plan.path = history_of(inventory, plan.timeline)->path();
  fill_moments(plan, *found.run);
  ReplayFacts(plan, *found.run).gather();
  add_notes(plan, inventory, *found.run);
  return plan;
}

// Timelines to look along. Error refused: the one asked for is unknown, or what cannot be read might be
// meant.
std::vector<TimelineId> candidate_timelines(const Inventory& inventory, const PlanRequest& request) {
  std::set<TimelineId> with_wal;
  for (const WalStretch& stretch : inventory.wal) with_wal.insert(stretch.timeline);
  const bool asks_for_end =
      request.target.kind == TargetKind::latest || request.target.kind == TargetKind::immediate;
  for (const TimelineId timeline : with_wal) {
    const bool meant = request.timeline ? *request.timeline == timeline : asks_for_end && !request.backup;
    if (meant && history_of(inventory, timeline) == nullptr) {
      throw refuse(
          "history_missing",
          fmt::format(
              "the history of timeline {} is not in the repository, so nobody can tell where it began",
              timeline.value()))
          .hint(fmt::format("store pg_wal/{} of a server on that timeline with `tidemark wal push`",
                            wal::history_file_name(timeline)));
    }
  }
  if (!request.timeline) {
    const bool one_state = request.target.kind == TargetKind::latest || (asks_for_end && !request.backup);
    return one_state ? leaves(inventory) : branches(inventory);
  }
  if (with_wal.count(*request.timeline) == 0 && inventory.histories.count(*request.timeline) == 0) {
    throw refuse("timeline_unknown",
                 fmt::format("the repository holds nothing of timeline {}", request.timeline->value()))
        .hint("`tidemark list` shows the timelines with their windows");
  }
  return {*request.timeline};
}

void keep_runs_with(Runs& runs, const Inventory& inventory, const BackupId& id) {
  const auto known = std::any_of(inventory.backups.begin(), inventory.backups.end(),
                                 [&](const BackupHeader& backup) { return backup.id == id; });
  if (!known) {
    throw refuse("backup_unknown", fmt::format("there is no backup {}", id.to_string()))
        .hint("`tidemark list` shows the backups");
  }
  std::erase_if(runs, [&](const auto& run) { return !run->holds(id); });
  if (runs.empty()) {
    throw refuse("wal_missing",
                 fmt::format("backup {} cannot be restored: the WAL that it needs is not whole in the "
                             "archive, or another timeline was asked for",
                             id.to_string()))
        .hint("leave --backup out, or see `tidemark list` for gaps");
  }
}

Error refuse_without_runs(const Inventory& inventory, const PlanRequest& request) {
  if (inventory.backups.empty()) {
    return refuse("no_backup", "the repository holds no backup of this cluster")
        .hint("take one with `tidemark backup`");
  }
  if (request.timeline) {
    return refuse("no_backup",
                  fmt::format("no backup leads to timeline {} over unbroken WAL", request.timeline->value()))
        .hint("leave --timeline out, or see `tidemark list`");
  }
  return refuse("wal_missing",
                fmt::format("none of the {} backups can be restored: the WAL that was written while they "
                            "were taken is not whole in the archive",
                            inventory.backups.size()))
      .hint("run `tidemark check` to see whether WAL arrives, and `tidemark list` for gaps");
}

std::uint64_t parse_xid(std::string_view digits, std::string_view whole) {
  std::uint64_t xid = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), xid, 10);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      static_cast<std::uint32_t>(xid) < 3) {
    throw Error(ErrorKind::usage, fmt::format("'{}' names no transaction", whole))
        .code("bad_target")
        .hint("write xid:1234, with the decimal number that pg_current_xact_id() or the log shows");
  }
  return xid;
}

Lsn parse_target_lsn(std::string_view text, std::string_view whole) {
  const auto lsn = Lsn::parse(text);
  if (!lsn || !lsn->valid()) {
    throw Error(ErrorKind::usage, fmt::format("'{}' names no LSN", whole))
        .code("bad_target")
        .hint("write lsn:0/3000028, as pg_current_wal_lsn() shows it");
  }
  return *lsn;
}

std::string parse_target_name(std::string_view text) {
  if (text.empty() || text.size() > kRestorePointNameBytes) {
    throw Error(ErrorKind::usage, "a restore point's name has 1 to 63 bytes")
        .code("bad_target")
        .hint("write name:before_release, as given to pg_create_restore_point()");
  }
  return std::string(text);
}

}  // namespace

std::optional<Target> parse_positional_target(std::string_view text) {
  Target target;
  target.requested = text;
  const auto after = [&](std::string_view prefix) { return text.substr(prefix.size()); };
  if (text == "latest") {
    target.kind = TargetKind::latest;
  } else if (text == "immediate") {
    target.kind = TargetKind::immediate;
  } else if (text.starts_with("lsn:")) {
    target.kind = TargetKind::lsn;
    target.lsn = parse_target_lsn(after("lsn:"), text);
  } else if (text.starts_with("xid:")) {
    target.kind = TargetKind::xid;
    target.xid = parse_xid(after("xid:"), text);
  } else if (text.starts_with("before-xid:")) {
    target.kind = TargetKind::before_xid;
    target.xid = parse_xid(after("before-xid:"), text);
  } else if (text.starts_with("name:")) {
    target.kind = TargetKind::name;
    target.name = parse_target_name(after("name:"));
  } else {
    return std::nullopt;
  }
  return target;
}

RestorePlan make_restore_plan(const Inventory& inventory, const PlanRequest& request, IndexSource& source) {
  Runs runs = runs_of(inventory, candidate_timelines(inventory, request), source);
  if (request.backup) keep_runs_with(runs, inventory, *request.backup);
  if (runs.empty()) throw refuse_without_runs(inventory, request);
  FoundStop found = find_stop(runs, request);
  if (request.target.kind == TargetKind::immediate) {
    const auto& backups = found.run->run().backups;
    const auto chosen = std::find_if(backups.rbegin(), backups.rend(),
                                     [&](const auto* backup) { return allowed(*backup, request.backup); });
    return complete(inventory, request, found, **chosen);
  }
  const BackupHeader* backup = choose_backup(found, request.backup);
  if (backup == nullptr) backup = move_to_backup_end(found, request.backup);
  if (backup == nullptr) throw refuse_stop_inside(runs, found, request);
  return complete(inventory, request, found, *backup);
}

}  // namespace tidemark::catalog
