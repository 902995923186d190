#include "catalog/inventory.h"

#include <algorithm>

#include "catalog/branch.h"
#include "wal/page.h"

namespace tidemark::catalog {
namespace {

// The first stretch of `timeline` that ends behind `from`.
std::vector<WalStretch>::const_iterator find_stretch(const Inventory& inventory, TimelineId timeline,
                                                     Lsn from) {
  return std::partition_point(inventory.wal.begin(), inventory.wal.end(), [&](const WalStretch& stretch) {
    return stretch.timeline < timeline || (stretch.timeline == timeline && stretch.end <= from);
  });
}

// Latest transaction end in a cover, as far as the inventory alone knows it.
std::optional<Instant> latest_in(const Inventory& inventory, const std::vector<CoverPiece>& cover) {
  std::optional<Instant> latest;
  const auto take = [&](const std::optional<Instant>& time) {
    if (time && (!latest || *latest < *time)) latest = time;
  };
  for (const CoverPiece& piece : cover) {
    for (auto at = find_stretch(inventory, piece.timeline, piece.from);
         at != inventory.wal.end() && at->timeline == piece.timeline && at->start < piece.to; ++at) {
      const bool inside = at->start >= piece.from && at->end <= piece.to;
      if (inside || at->timeline == cover.back().timeline) take(at->latest);
    }
    const auto tail = inventory.tails.find(piece.timeline);
    if (tail != inventory.tails.end() && tail->second.last_record_end > piece.from &&
        tail->second.last_record_end <= piece.to) {
      take(tail->second.last_end_time);
    }
  }
  return latest;
}

RecoveryWindow window_of(const Inventory& inventory, const wal::TimelineHistory& history,
                         const BackupRun& run) {
  const BackupHeader& first = *run.backups.front();
  RecoveryWindow window;
  window.timeline = history.timeline();
  window.from = window.to = first.finished;
  window.from_lsn = first.stop;
  window.to_lsn = run.end();
  window.first_backup = first.id;
  if (const auto latest = latest_in(inventory, run.cover)) window.to = std::max(window.to, *latest);
  const auto proof = newest_proof(inventory, history, first.start, run.end());
  if (proof && proof->time > window.to) {
    window.to = proof->time;
    window.to_basis = WindowEnd::idle;
  }
  return window;
}

// What is missing of `history`'s parents' WAL and of its own before its first stretch: a gap at the switch.
std::optional<Gap> gap_at_switch(const Inventory& inventory, const wal::TimelineHistory& history,
                                 Lsn first_own) {
  const auto path = history.path();
  for (std::size_t i = path.size() - 1; i-- > 0;) {
    const wal::TimelineSpan& parent = path[i];
    Lsn last;  // of the parent, on this path
    for (const WalStretch& stretch : inventory.wal) {
      if (stretch.timeline == parent.timeline && stretch.start < parent.end)
        last = std::min(stretch.end, parent.end);
    }
    if (!last.valid()) continue;
    if (last >= first_own) return std::nullopt;
    return Gap{last < parent.end ? parent.timeline : history.timeline(), last, first_own, false};
  }
  return std::nullopt;  // the archive began on this timeline
}

}  // namespace

Lsn without_page_header(Lsn position, wal::SegmentSize size) {
  if (position.value() % size.bytes() == wal::kLongPageHeaderBytes)
    return position - wal::kLongPageHeaderBytes;
  if (position.value() % wal::kDefaultPageBytes == wal::kShortPageHeaderBytes) {
    return position - wal::kShortPageHeaderBytes;
  }
  return position;
}

Lsn contiguous_end(const Inventory& inventory, TimelineId timeline, Lsn from) {
  Lsn end = from;
  for (auto at = find_stretch(inventory, timeline, from);
       at != inventory.wal.end() && at->timeline == timeline && at->start <= end; ++at) {
    end = std::max(end, at->end);
  }
  return end;
}

Lsn contiguous_end(const Inventory& inventory, const wal::TimelineHistory& history, Lsn from) {
  const auto cover = wal_cover(inventory, history, from);
  return cover.empty() ? from : cover.back().to;
}

const wal::TimelineHistory* history_of(const Inventory& inventory, TimelineId timeline) {
  static const wal::TimelineHistory kFirst{TimelineId(1)};
  const auto found = inventory.histories.find(timeline);
  if (found != inventory.histories.end()) return &found->second;
  return timeline == TimelineId(1) ? &kFirst : nullptr;
}

std::vector<RecoveryWindow> recovery_windows(const Inventory& inventory) {
  std::vector<RecoveryWindow> windows;
  const auto all = branches(inventory);
  for (const TimelineId timeline : all) {
    const wal::TimelineHistory& history = *history_of(inventory, timeline);
    for (const BackupRun& run : backup_runs(inventory, history)) {
      RecoveryWindow window = window_of(inventory, history, run);
      // A run that a gap ended before this timeline began is its ancestor's, and told once for all
      // descendants.
      window.timeline = history.timeline_at(run.end() - 1);
      const bool told = std::any_of(windows.begin(), windows.end(), [&](const RecoveryWindow& other) {
        return other.timeline == window.timeline && other.from_lsn == window.from_lsn;
      });
      if (!told) windows.push_back(window);
    }
  }
  std::stable_sort(windows.begin(), windows.end(), [](const RecoveryWindow& a, const RecoveryWindow& b) {
    return a.from != b.from ? a.from < b.from : a.timeline < b.timeline;
  });
  return windows;
}

std::vector<Gap> gaps(const Inventory& inventory) {
  std::vector<Gap> found;
  for (std::size_t i = 0; i < inventory.wal.size(); ++i) {
    const WalStretch& stretch = inventory.wal[i];
    const bool first = i == 0 || inventory.wal[i - 1].timeline != stretch.timeline;
    if (!first && inventory.wal[i - 1].end < stretch.start) {
      found.push_back({stretch.timeline, inventory.wal[i - 1].end, stretch.start, false});
    }
    const wal::TimelineHistory* history = first ? history_of(inventory, stretch.timeline) : nullptr;
    if (history == nullptr) continue;
    if (const auto gap = gap_at_switch(inventory, *history, stretch.start)) found.push_back(*gap);
  }
  for (Gap& gap : found) {
    gap.acknowledged =
        std::any_of(inventory.acknowledged_gaps.begin(), inventory.acknowledged_gaps.end(),
                    [&](const AcknowledgedGap& known) {
                      return known.timeline == gap.timeline && known.from <= gap.from && gap.to <= known.to;
                    });
  }
  return found;
}

}  // namespace tidemark::catalog
