#pragma once
// Waiting until the repositories hold the WAL that a backup needs, by looking at them. Whoever streams the
// WAL itself can know sooner and passes BackupOptions::ensure_wal_archived instead.

#include <chrono>
#include <vector>

#include "backup/backup_job.h"
#include "repository/wal_archive.h"

namespace tidemark::backup {

// Gives up with Error unavailable/"wal_not_archived" when nothing arrives for `limit`.
void wait_for_wal(const std::vector<repository::WalArchive>& archives, const WalNeed& need,
                  std::chrono::seconds limit, Progress& progress, const StopToken& stop, Clock& clock);

}  // namespace tidemark::backup
