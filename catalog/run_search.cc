#include "catalog/run_search.h"

#include <algorithm>

namespace tidemark::catalog {

RunSearch::RunSearch(const Inventory& inventory, const wal::TimelineHistory& history, BackupRun run,
                     IndexSource& source)
    : inventory_(inventory), history_(history), run_(std::move(run)), source_(source) {
  proof_ = newest_proof(inventory, history, oldest().start, end());
}

bool RunSearch::holds(const BackupId& id) const {
  return std::any_of(run_.backups.begin(), run_.backups.end(),
                     [&](const auto* backup) { return backup->id == id; });
}

PathReader& RunSearch::reader() {
  if (!reader_) reader_.emplace(run_.cover, source_);
  return *reader_;
}

Instant RunSearch::to() {
  Instant to = from();
  if (const auto last = latest()) to = std::max(to, *last);
  if (proof_) to = std::max(to, proof_->time);
  return to;
}

std::optional<Instant> RunSearch::latest() {
  if (latest_) return *latest_;
  std::optional<Instant> latest;
  for (std::size_t i = 0; i < reader().rows().size(); ++i) {
    const PathReader::Row& row = reader().rows()[i];
    if (latest ? !row.may_end_after(*latest) : !row.may_have_ends()) continue;
    const auto found = row.row.summarized && !row.clipped ? row.row.latest : reader().load(i).latest;
    if (found && (!latest || *latest < *found)) latest = found;
  }
  latest_ = latest;
  return latest;
}

std::optional<wal::TransactionEnd> RunSearch::first_end_later_than(Instant time) {
  for (std::size_t i = 0; i < reader().rows().size(); ++i) {
    if (!reader().rows()[i].may_end_after(time)) continue;
    for (const wal::TransactionEnd& end : reader().load(i).ends) {
      if (end.time > time) return end;
    }
  }
  return std::nullopt;
}

std::optional<wal::TransactionEnd> RunSearch::first_end_from(Lsn start) {
  for (std::size_t i = reader().row_behind(start); i < reader().rows().size(); ++i) {
    if (!reader().rows()[i].may_have_ends()) continue;
    for (const wal::TransactionEnd& end : reader().load(i).ends) {
      if (end.start >= start) return end;
    }
  }
  return std::nullopt;
}

std::size_t RunSearch::rows_before(Lsn limit) {
  std::size_t row = reader().row_behind(limit);
  // A record that starts before `limit` may end rows later: go on until a record starts at or behind it.
  while (row < reader().rows().size() && reader().load(row).last_record < limit) ++row;
  return std::min(row + 1, reader().rows().size());
}

std::optional<wal::TransactionEnd> RunSearch::last_end_before(Lsn limit, bool commits_only) {
  for (std::size_t i = rows_before(limit); i-- > 0;) {
    if (!reader().rows()[i].may_have_ends()) continue;
    const auto& ends = reader().load(i).ends;
    const auto found = std::find_if(ends.rbegin(), ends.rend(), [&](const wal::TransactionEnd& end) {
      return end.start < limit && (end.committed() || !commits_only);
    });
    if (found != ends.rend()) return *found;
  }
  return last_end_before_run(commits_only);
}

std::optional<wal::TransactionEnd> RunSearch::last_end_before_run(bool commits_only) {
  const BackupHeader& backup = oldest();
  Lsn begin = backup.start;
  for (auto at = inventory_.wal.rbegin(); at != inventory_.wal.rend(); ++at) {
    if (at->timeline == backup.timeline && at->start < begin && at->end >= begin) begin = at->start;
  }
  if (begin == backup.start) return std::nullopt;
  PathReader before({{backup.timeline, begin, backup.start}}, source_);
  for (std::size_t i = before.rows().size(); i-- > 0;) {
    if (!before.rows()[i].may_have_ends()) continue;
    const auto& ends = before.load(i).ends;
    const auto found = std::find_if(ends.rbegin(), ends.rend(), [&](const wal::TransactionEnd& end) {
      return end.committed() || !commits_only;
    });
    if (found != ends.rend()) return *found;
  }
  return std::nullopt;
}

std::optional<RecordPlace> RunSearch::last_record() {
  for (std::size_t i = reader().rows().size(); i-- > 0;) {
    const wal::WalIndex& index = reader().load(i);
    if (index.last_record.valid()) return RecordPlace{index.last_record, index.last_record_end};
  }
  return std::nullopt;
}

std::optional<RecordPlace> RunSearch::first_known_record_from(Lsn start) {
  for (std::size_t i = reader().row_behind(start); i < reader().rows().size(); ++i) {
    const wal::WalIndex& index = reader().load(i);
    std::optional<RecordPlace> first;
    const auto take = [&](Lsn record_start, Lsn record_end) {
      if (record_start >= start && (!first || record_start < first->start))
        first = {record_start, record_end};
    };
    for (const auto& item : index.ends) take(item.start, item.end);
    for (const auto& item : index.prepares) take(item.start, item.end);
    for (const auto& item : index.restore_points) take(item.start, item.end);
    for (const auto& item : index.events) take(item.start, item.end);
    if (index.last_record.valid()) take(index.last_record, index.last_record_end);
    if (first) return first;
  }
  return std::nullopt;
}

Lsn RunSearch::first_unfinished() {
  if (reader().rows().empty()) return Lsn();
  return reader().load(reader().rows().size() - 1).unfinished;
}

Runs runs_of(const Inventory& inventory, const std::vector<TimelineId>& timelines, IndexSource& source) {
  Runs runs;
  for (const TimelineId timeline : timelines) {
    const wal::TimelineHistory* history = history_of(inventory, timeline);
    if (history == nullptr) continue;
    for (BackupRun& run : backup_runs(inventory, *history)) {
      runs.push_back(std::make_unique<RunSearch>(inventory, *history, std::move(run), source));
    }
  }
  return runs;
}

std::uint64_t full_xid_near(std::uint64_t next_full_xid, std::uint32_t xid) {
  constexpr std::uint64_t kEpoch = 1ULL << 32;
  constexpr std::uint64_t kHalf = 1ULL << 31;
  std::uint64_t full = (next_full_xid & ~(kEpoch - 1)) | xid;
  if (full > next_full_xid + kHalf && full >= kEpoch) full -= kEpoch;
  if (full + kHalf < next_full_xid) full += kEpoch;
  return full;
}

}  // namespace tidemark::catalog
