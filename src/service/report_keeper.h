#pragma once
// One cluster's figures: reads the repositories every few seconds and answers from what it read last and what
// the archiver knows now.

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "monitor/cluster_report.h"
#include "monitor/gather.h"
#include "service/archive_keeper.h"
#include "service/backup_keeper.h"
#include "service/service.h"

namespace tidemark::service {

class ReportKeeper {
 public:
  // References outlive the keeper.
  ReportKeeper(const ClusterService& cluster, std::filesystem::path spool, const ArchiveKeeper& archives,
               const BackupKeeper& backups, Clock& clock);

  void run(const StopToken& stop);        // the thread's body
  monitor::ClusterReport report() const;  // any thread; never waits for a server or a store

 private:
  struct Snapshot {
    monitor::ClusterReport report;
    std::optional<Instant> proven_until;
    std::uint64_t spool_free_bytes = 0;
  };
  void read();

  const ClusterService& cluster_;
  const std::filesystem::path spool_;
  const ArchiveKeeper& archives_;
  const BackupKeeper& backups_;
  Clock& clock_;
  const Instant started_;
  mutable std::mutex mutex_;  // guards snapshot_
  std::shared_ptr<const Snapshot> snapshot_;
};

// How long to wait after a reading that took `took`: at most a tenth of the time goes into readings.
Microseconds pause_after_reading(Microseconds took);

}  // namespace tidemark::service
