#pragma once
// What the repositories said a moment ago and what the archiver knows now, as one report. Pure.

#include <cstdint>
#include <optional>

#include "archive/status.h"
#include "monitor/cluster_report.h"
#include "service/backup_keeper.h"

namespace tidemark::service {

struct LiveFacts {
  Instant now;  // by our clock
  Instant started;
  archive::ArchiveStatus archive;
  BackupState backup;
  std::uint64_t spool_free_bytes = 0;
  std::optional<Instant> proven_until;  // monitor::proven_until of the snapshot
};

// `snapshot` as monitor::read_repositories filled it.
monitor::ClusterReport merge_report(monitor::ClusterReport snapshot, const LiveFacts& facts);

}  // namespace tidemark::service
