#pragma once
// One cluster of the service: its three threads, and what they know together.

#include "flow/worker_group.h"
#include "service/archive_keeper.h"
#include "service/backup_keeper.h"
#include "service/change_log.h"
#include "service/report_keeper.h"

namespace tidemark::service {

class ClusterRunner {
 public:
  // References outlive the runner; the cluster's spool is the folder of its name below `spool`.
  ClusterRunner(const ClusterService& cluster, const std::filesystem::path& spool, disk::DurableOps& ops,
                Clock& clock)
      : archives_(cluster, spool / cluster.name, ops, clock),
        backups_(cluster, archives_, clock),
        reports_(cluster, spool / cluster.name, archives_, backups_, clock) {}

  void start(flow::WorkerGroup& workers) {
    workers.start([this](const StopToken& stop) { archives_.run(stop); });
    workers.start([this](const StopToken& stop) { backups_.run(stop); });
    workers.start([this](const StopToken& stop) { reports_.run(stop); });
  }

  monitor::ClusterReport report() const { return reports_.report(); }  // any thread

  // One thread: logs what changed since the last call.
  void log_changes(const monitor::ClusterReport& report) {
    for (const LogLine& line : changes_.changes(report)) log(line.level, "service", line.text);
  }

 private:
  ArchiveKeeper archives_;
  BackupKeeper backups_;
  ReportKeeper reports_;
  ChangeLog changes_;
};

}  // namespace tidemark::service
