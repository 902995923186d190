#pragma once
// When the next backup is due. (Which backups may go is decided by `expire`.)

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "catalog/inventory.h"
#include "tidemark/instant.h"

namespace tidemark::catalog {

struct BackupSchedule {
  Microseconds full_every{0};  // 0: never by time
  // Daily window in minutes after midnight of the cluster's zone, applied by the caller; unset: any time.
};
struct BackupDue {
  bool due = false;
  std::string_view reason;  // "no backup yet", "the last full backup is older than full_every", "a gap
                            // follows the last backup"
};
// A backup is due when there is none in the newest window, when WAL after the last one is broken, or by age.
BackupDue backup_due(const Inventory& inventory, const BackupSchedule& schedule, Instant now);

}  // namespace tidemark::catalog
