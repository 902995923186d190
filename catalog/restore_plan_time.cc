// Targets that are found by position in time or at the end: a time, latest, immediate.
#include <fmt/format.h>

#include <algorithm>

#include "catalog/run_search.h"

namespace tidemark::catalog {
namespace {

FoundStop stop_at_time(RunSearch& run, Instant time) {
  if (const auto stopper = run.first_end_later_than(time)) {
    return {&run, {stopper->start, false, StopReason::stopper}, stopper->end};
  }
  return end_of_run(run);
}

bool same_place(const FoundStop& a, const FoundStop& b) {
  return a.stop == b.stop &&
         a.run->history().timeline_at(a.stop.lsn) == b.run->history().timeline_at(b.stop.lsn);
}

// The same transactions ended before both stops, though other records may lie between.
bool same_state(const FoundStop& a, const FoundStop& b) {
  if (same_place(a, b)) return true;
  const auto last_a = a.run->last_end_before(replay_limit(a.stop), false);
  const auto last_b = b.run->last_end_before(replay_limit(b.stop), false);
  if (!last_a || !last_b) return !last_a && !last_b;
  return last_a->start == last_b->start &&
         a.run->history().timeline_at(last_a->start) == b.run->history().timeline_at(last_b->start);
}

}  // namespace

FoundStop end_of_run(RunSearch& run) {
  const auto last = run.last_record();
  if (!last) {
    throw Error(ErrorKind::refused,
                fmt::format("no whole WAL record is archived behind backup {}", run.oldest().id.to_string()))
        .code("wal_missing")
        .hint("run `tidemark check`: it tells whether WAL reaches the repository");
  }
  return {&run, {last->start, true, StopReason::end_of_wal}, last->end};
}

FoundStop find_time(const Runs& runs, const Target& target) {
  std::vector<FoundStop> found;
  std::vector<const wal::TimelineHistory*> answered;
  for (const auto& run : runs) {
    // Windows of one timeline can overlap when its clock was set back: the first in WAL order has the first
    // stopper.
    const bool answered_before =
        std::find(answered.begin(), answered.end(), &run->history()) != answered.end();
    if (answered_before || !run->reaches(target.time)) continue;
    found.push_back(stop_at_time(*run, target.time));
    answered.push_back(&run->history());
  }
  if (found.empty()) throw refuse_time(runs, target);
  const auto differs = std::find_if(found.begin(), found.end(),
                                    [&](const FoundStop& other) { return !same_state(found.back(), other); });
  if (differs == found.end()) return found.back();
  std::vector<const RunSearch*> candidates;
  for (const FoundStop& one : found) candidates.push_back(one.run);
  throw refuse_branches(fmt::format("the moment {}", target.time.to_iso()), candidates);
}

FoundStop find_latest(const Runs& runs) {
  std::vector<const RunSearch*> newest;  // of each branch
  for (const auto& run : runs) {
    if (!newest.empty() && &newest.back()->history() == &run->history()) newest.pop_back();
    newest.push_back(run.get());
  }
  if (newest.size() > 1) throw refuse_branches("'latest'", newest);
  return end_of_run(*runs.back());
}

FoundStop find_immediate(const Runs& runs, const std::optional<BackupId>& id) {
  if (!id) find_latest(runs);  // refuses what is ambiguous
  // A named backup is the same on every branch that it is whole on.
  RunSearch* run = id ? runs.front().get() : runs.back().get();
  const auto& backups = run->run().backups;
  const auto named =
      std::find_if(backups.begin(), backups.end(), [&](const auto* one) { return id && one->id == *id; });
  const BackupHeader& backup = named == backups.end() ? *backups.back() : **named;
  const bool primary = backup.backup_end.valid();
  return {run, {primary ? backup.backup_end : backup.stop, primary, StopReason::immediate}, backup.stop};
}

}  // namespace tidemark::catalog
