#pragma once
// Takes the backups of one cluster when its objectives need them: looks at the inventories every half minute,
// backs off after failures, and never takes one that could not become whole.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "backup/backup_job.h"
#include "service/archive_keeper.h"
#include "service/backup_schedule.h"
#include "service/service.h"
#include "tidemark/stop.h"

namespace tidemark::service {

struct BackupIntervals {
  Microseconds look = std::chrono::seconds(30);       // at the inventories
  Microseconds glance = std::chrono::seconds(1);      // at the archiver, while it does not stream yet
  Microseconds wal_limit = std::chrono::minutes(10);  // for the backup's WAL, without any progress
};

struct BackupState {
  bool running = false;
  std::string last_error;  // of the last try; empty when it succeeded
  std::optional<double> last_seconds;
};

class BackupKeeper {
 public:
  // References outlive the keeper.
  BackupKeeper(const ClusterService& cluster, const ArchiveKeeper& archives, Clock& clock,
               const BackupIntervals& intervals = {});

  void run(const StopToken& stop);  // the thread's body
  BackupState state() const;        // any thread

 private:
  void look_once(const StopToken& stop);
  std::vector<BackupPlace> read_places(const archive::Archives& archives) const;
  void take(const archive::Archives& targets, const std::string& reason, const StopToken& stop);
  void await_wal(const archive::Archives& targets, const backup::WalNeed& need, const StopToken& stop) const;
  void note_failure(const Error& error);
  void note_success(const backup::BackupResult& result, double seconds);

  const ClusterService& cluster_;
  const ArchiveKeeper& archives_;
  Clock& clock_;
  const BackupIntervals intervals_;
  BackupPacing pacing_;       // the thread's
  bool window_told_ = false;  // the thread's
  mutable std::mutex mutex_;  // guards state_
  BackupState state_;
};

}  // namespace tidemark::service
