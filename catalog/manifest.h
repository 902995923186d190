#pragma once
// One backup's root. Small: header, totals, the parts in path order, the packs. Bytes:
// docs/repository-format.md.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/bytes.h"
#include "tidemark/checksum.h"
#include "tidemark/identity.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::catalog {

inline constexpr std::uint32_t kExtentBytes = 1U << 20;

enum class BackupKind : std::uint8_t { full = 0, incremental = 1 };

// The part of a manifest that `list`, `status`, the plan and checkpoints need.
struct BackupHeader {
  BackupId id;
  BackupKind kind = BackupKind::full;
  std::optional<BackupId> parent;
  TimelineId timeline;
  Lsn start;                       // redo of the backup's checkpoint: replay begins here
  Lsn backup_end;                  // start of the BACKUP_END record (0/0 from a standby)
  Lsn stop;                        // end of the BACKUP_END record; WAL is needed up to here
  Instant started, finished;       // on the primary's clock; finished was read after pg_backup_stop
  std::uint64_t bytes = 0;         // of all files
  std::uint64_t stored_bytes = 0;  // of all frames it reaches
  std::uint64_t new_bytes = 0;     // of the packs it added
  std::uint64_t file_count = 0, extent_count = 0;
  int server_version_number = 0;  // 150018
  std::uint32_t bad_page_count = 0;
  bool from_standby = false;
  bool operator==(const BackupHeader&) const = default;
};

struct Tablespace {
  std::uint32_t oid = 0;
  std::string location;  // absolute; relative to the data directory when in_place
  bool in_place = false;
  bool operator==(const Tablespace&) const = default;
};

struct BadPage {
  std::string path;
  std::uint32_t block = 0;  // absolute within the relation fork
  std::uint16_t found = 0, expected = 0;
  Lsn page_lsn;
  bool operator==(const BadPage&) const = default;
};

struct PackInfo {
  std::uint32_t owner = 0;  // index in Manifest::owners
  std::uint32_t number = 0;
  std::uint64_t stored_bytes = 0;  // of the object
  std::uint64_t live_bytes = 0;    // of the frames that this backup reaches
  bool operator==(const PackInfo&) const = default;
};

struct PartInfo {
  std::uint32_t owner = 0;
  std::uint32_t number = 0;
  std::string first_path;
  Hash128 hash;  // of the part's plain bytes, seeded with the repository's hash seed
  bool operator==(const PartInfo&) const = default;
};

struct Manifest {
  BackupHeader header;
  SystemId system_id;
  std::uint32_t control_version = 0, catalog_version = 0;
  std::uint32_t block_bytes = 8192, segment_bytes = 0, relation_segment_blocks = 131072;
  bool data_checksums = false;
  std::string backup_label;  // byte for byte as pg_backup_stop gave it
  std::string tablespace_map;
  Bytes control_file;  // global/pg_control, read last; restores write it last
  std::vector<Tablespace> tablespaces;
  std::vector<BadPage> bad_pages;  // at most 1000 are named; header.bad_page_count has all
  std::vector<BackupId> owners;    // [0] is this backup itself
  std::vector<PackInfo> packs;
  std::vector<PartInfo> parts;  // in path order
  bool operator==(const Manifest&) const = default;

  Bytes serialize() const;
  static Manifest parse(ByteView bytes);             // Error corrupt
  static BackupHeader parse_header(ByteView bytes);  // reads no further than the header
};

// `backups/<id>/begun`: stored before the first pack.
struct Begun {
  BackupId id;
  std::optional<BackupId> parent;
  TimelineId timeline;
  Lsn start;
  Instant started;
  bool operator==(const Begun&) const = default;
  Bytes serialize() const;
  static Begun parse(ByteView bytes);
};

}  // namespace tidemark::catalog
