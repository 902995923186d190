#include "catalog/branch.h"

#include <algorithm>
#include <set>

namespace tidemark::catalog {
namespace {

const wal::TimelineSpan* span_of(const std::vector<wal::TimelineSpan>& path, TimelineId timeline) {
  const auto at =
      std::find_if(path.begin(), path.end(), [&](const auto& span) { return span.timeline == timeline; });
  return at == path.end() ? nullptr : &*at;
}

std::set<TimelineId> timelines_with_wal(const Inventory& inventory) {
  std::set<TimelineId> timelines;
  for (const WalStretch& stretch : inventory.wal) timelines.insert(stretch.timeline);
  return timelines;
}

// Where the archived WAL of `timeline` ends; whole records only where that is known, because a timeline may
// end with the first half of a record that nobody finished.
Lsn last_position(const Inventory& inventory, TimelineId timeline) {
  Lsn last;
  for (const WalStretch& stretch : inventory.wal) {
    if (stretch.timeline == timeline) last = std::max(last, stretch.end);
  }
  const auto tail = inventory.tails.find(timeline);
  if (tail != inventory.tails.end() && tail->second.last_record_end.valid()) {
    last = std::min(last, tail->second.last_record_end);
  }
  return last;
}

// Where the path of `newer` leaves `older`; nullopt when it does not pass there.
std::optional<Lsn> leaves_at(const Inventory& inventory, TimelineId older, TimelineId newer) {
  const wal::TimelineHistory* history = history_of(inventory, newer);
  if (history == nullptr || older == newer) return std::nullopt;
  const auto path = history->path();
  const wal::TimelineSpan* span = span_of(path, older);
  return span == nullptr ? std::nullopt : std::optional(span->end);
}

}  // namespace

std::vector<CoverPiece> wal_cover(const Inventory& inventory, const wal::TimelineHistory& history, Lsn from) {
  const auto path = history.path();
  std::vector<CoverPiece> cover;
  Lsn at = from;
  for (std::size_t i = 0; i < path.size(); ++i) {
    while (at < path[i].end) {
      // The timeline itself first; then its descendants, whose first segment begins with a copy.
      Lsn reached = at;
      std::size_t source = i;
      for (; source < path.size() && reached == at; ++source) {
        const Lsn end = contiguous_end(inventory, path[source].timeline, at);
        reached = std::min({end, path[i].end, path[source].end});
      }
      if (reached <= at) return cover;
      cover.push_back({path[source - 1].timeline, at, reached});
      at = reached;
    }
  }
  return cover;
}

bool on_path(const wal::TimelineHistory& history, const BackupHeader& backup) {
  const auto path = history.path();
  const wal::TimelineSpan* span = span_of(path, backup.timeline);
  return span != nullptr && span->begin <= backup.start && backup.stop <= span->end;
}

std::vector<BackupRun> backup_runs(const Inventory& inventory, const wal::TimelineHistory& history) {
  std::vector<const BackupHeader*> backups;
  for (const BackupHeader& backup : inventory.backups) {
    if (on_path(history, backup)) backups.push_back(&backup);
  }
  std::stable_sort(backups.begin(), backups.end(),
                   [](const auto* a, const auto* b) { return a->start < b->start; });
  std::vector<BackupRun> runs;
  for (const BackupHeader* backup : backups) {
    if (!runs.empty() && backup->start < runs.back().end()) {
      if (backup->stop <= runs.back().end()) runs.back().backups.push_back(backup);
      continue;
    }
    auto cover = wal_cover(inventory, history, backup->start);
    if (!cover.empty() && cover.back().to >= backup->stop) runs.push_back({{backup}, std::move(cover)});
  }
  return runs;
}

bool is_ancestor(const Inventory& inventory, TimelineId older, TimelineId newer) {
  return leaves_at(inventory, older, newer).has_value();
}

std::vector<TimelineId> branches(const Inventory& inventory) {
  const auto timelines = timelines_with_wal(inventory);
  std::vector<TimelineId> found;
  for (const TimelineId timeline : timelines) {
    const wal::TimelineHistory* history = history_of(inventory, timeline);
    if (history == nullptr) continue;
    const Lsn last = last_position(inventory, timeline);
    if (last <= history->path().back().begin) continue;  // nothing but the copy of its parent's bytes
    const bool superfluous = std::any_of(timelines.begin(), timelines.end(), [&](TimelineId other) {
      const auto leaves = leaves_at(inventory, timeline, other);
      return leaves && last <= *leaves && last_position(inventory, other) > *leaves;
    });
    if (!superfluous) found.push_back(timeline);
  }
  return found;
}

std::vector<TimelineId> leaves(const Inventory& inventory) {
  const auto all = branches(inventory);
  std::vector<TimelineId> found;
  for (const TimelineId timeline : all) {
    const bool parent = std::any_of(
        all.begin(), all.end(), [&](TimelineId other) { return is_ancestor(inventory, timeline, other); });
    if (!parent) found.push_back(timeline);
  }
  return found;
}

std::optional<IdleProof> newest_proof(const Inventory& inventory, const wal::TimelineHistory& history,
                                      Lsn from, Lsn to) {
  const auto path = history.path();
  std::optional<IdleProof> newest;
  for (const IdleProof& proof : inventory.idle_proofs) {
    const wal::TimelineSpan* span = span_of(path, proof.timeline);
    const Lsn lsn = without_page_header(proof.lsn, inventory.segment_size);
    if (span == nullptr || lsn < span->begin || lsn > span->end || lsn < from || lsn > to) continue;
    if (!newest || newest->time < proof.time) newest = proof;
  }
  return newest;
}

}  // namespace tidemark::catalog
