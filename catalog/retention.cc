#include "catalog/retention.h"

#include <algorithm>

#include "catalog/branch.h"

namespace tidemark::catalog {
namespace {

const BackupHeader* newest(const Inventory& inventory, bool full_only) {
  const BackupHeader* found = nullptr;
  for (const BackupHeader& backup : inventory.backups) {
    if (full_only && backup.kind != BackupKind::full) continue;
    if (found == nullptr || found->finished < backup.finished) found = &backup;
  }
  return found;
}

// The timeline in use: the newest of those that lead somewhere.
const wal::TimelineHistory* current_history(const Inventory& inventory) {
  const auto all = leaves(inventory);
  return all.empty() ? nullptr : history_of(inventory, *std::max_element(all.begin(), all.end()));
}

Lsn end_of_archive(const Inventory& inventory, TimelineId timeline) {
  Lsn end;
  for (const WalStretch& stretch : inventory.wal) {
    if (stretch.timeline == timeline) end = std::max(end, stretch.end);
  }
  return end;
}

}  // namespace

BackupDue backup_due(const Inventory& inventory, const BackupSchedule& schedule, Instant now) {
  if (inventory.backups.empty()) return {true, "no backup yet"};
  if (const wal::TimelineHistory* history = current_history(inventory)) {
    const auto runs = backup_runs(inventory, *history);
    if (runs.empty()) return {true, "no backup can be restored on the timeline in use"};
    if (runs.back().end() < end_of_archive(inventory, history->timeline())) {
      return {true, "a gap follows the last backup"};
    }
  }
  if (schedule.full_every.count() > 0) {
    const BackupHeader* full = newest(inventory, true);
    if (full == nullptr) return {true, "no full backup yet"};
    if (full->finished + schedule.full_every <= now)
      return {true, "the last full backup is older than full_every"};
  }
  return {};
}

}  // namespace tidemark::catalog
