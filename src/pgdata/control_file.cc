#include "pgdata/control_file.h"

#include <fmt/format.h>

#include "tidemark/checksum.h"
#include "tidemark/error.h"

namespace tidemark::pgdata {

namespace {

struct CatalogMajor {
  std::uint32_t catalog_version;
  int major;
};
// 13 to 16 share one pg_control_version; the catalog version tells them apart.
constexpr CatalogMajor kMajorsOf1300[] = {{202007201, 13}, {202107181, 14}, {202209061, 15}, {202307071, 16}};

int major_of(std::uint32_t control_version, std::uint32_t catalog_version) {
  if (control_version == 1700) return 17;
  if (control_version == 1800) return 18;
  if (control_version == 1300) {
    for (const CatalogMajor& known : kMajorsOf1300) {
      if (known.catalog_version == catalog_version) return known.major;
    }
  }
  throw Error(ErrorKind::corrupt,
              fmt::format("pg_control has version {} and catalog version {}, which are those of no "
                          "supported PostgreSQL",
                          control_version, catalog_version))
      .code("unknown_postgres_version")
      .hint("PostgreSQL 13 to 18 are supported");
}

// The checksum's place moved when 18 added a byte before the nonce.
std::size_t crc_offset(std::uint32_t control_version) { return control_version >= 1800 ? 292 : 288; }

bool possible_control_version(std::uint32_t version) {
  return version == 1300 || version == 1700 || version == 1800;
}

}  // namespace

std::optional<ControlFile> parse_control_file(ByteView content) {
  constexpr std::size_t kMeaningfulBytes = 296;
  if (content.size() < kMeaningfulBytes) {
    throw Error(ErrorKind::corrupt, fmt::format("pg_control has {} bytes, at least {} are needed",
                                                content.size(), kMeaningfulBytes));
  }
  const Byte* at = content.data();
  const auto u32 = [at](std::size_t offset) { return load_le<std::uint32_t>(at + offset); };
  const auto i32 = [at](std::size_t offset) { return load_le<std::int32_t>(at + offset); };
  const auto u64 = [at](std::size_t offset) { return load_le<std::uint64_t>(at + offset); };

  ControlFile control;
  control.control_version = u32(8);
  control.catalog_version = u32(12);
  if (possible_control_version(control.control_version)) {
    const std::size_t crc_at = crc_offset(control.control_version);
    if (crc32c(content.first(crc_at)) != u32(crc_at)) return std::nullopt;
  }
  control.major = major_of(control.control_version, control.catalog_version);
  control.system_id = SystemId(u64(0));
  control.state = static_cast<ClusterState>(u32(16));
  control.checkpoint = Lsn(u64(32));
  control.checkpoint_redo = Lsn(u64(40));
  control.checkpoint_timeline = TimelineId(u32(48));
  control.minimum_recovery_point = Lsn(u64(136));
  control.minimum_recovery_timeline = TimelineId(u32(144));
  control.wal_level = i32(172);
  control.wal_log_hints = at[176] != 0;
  control.max_connections = i32(180);
  control.max_worker_processes = i32(184);
  control.max_wal_senders = i32(188);
  control.max_prepared_transactions = i32(192);
  control.max_locks_per_transaction = i32(196);
  control.track_commit_timestamp = at[200] != 0;
  control.block_bytes = u32(216);
  control.relation_segment_blocks = u32(220);
  control.wal_block_bytes = u32(224);
  control.segment_bytes = u32(228);
  control.data_checksum_version = u32(252);
  return control;
}

}  // namespace tidemark::pgdata
