#pragma once
// pg_control, read: postgres-notes 3.2; catalog/pg_control.h.

#include <cstdint>
#include <optional>

#include "tidemark/bytes.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::pgdata {

enum class ClusterState : std::uint32_t {
  starting_up = 0,
  shut_down = 1,
  shut_down_in_recovery = 2,
  shutting_down = 3,
  crash_recovery = 4,
  archive_recovery = 5,
  in_production = 6,
};

struct ControlFile {
  SystemId system_id;
  std::uint32_t control_version = 0;
  std::uint32_t catalog_version = 0;
  int major = 0;  // from the two versions
  ClusterState state = ClusterState::starting_up;
  Lsn checkpoint;  // start of the checkpoint record
  Lsn checkpoint_redo;
  TimelineId checkpoint_timeline;
  Lsn minimum_recovery_point;
  TimelineId minimum_recovery_timeline;
  int wal_level = 0;  // 0 minimal, 1 replica, 2 logical
  bool wal_log_hints = false;
  std::int32_t max_connections = 0, max_worker_processes = 0, max_wal_senders = 0,
               max_prepared_transactions = 0, max_locks_per_transaction = 0;
  bool track_commit_timestamp = false;
  std::uint32_t block_bytes = 0, relation_segment_blocks = 0, wal_block_bytes = 0, segment_bytes = 0;
  std::uint32_t data_checksum_version = 0;  // 0 = page checksums are off
};

// nullopt when the CRC does not match (a torn read: read it again); Error corrupt when the version is unknown
// or it is short.
std::optional<ControlFile> parse_control_file(ByteView content);

}  // namespace tidemark::pgdata
