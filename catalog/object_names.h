#pragma once
// Every name in a repository, in one place: design.md "Repository format". Nothing else composes or parses
// object names.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidemark/identity.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/range.h"
#include "wal/segment_name.h"

namespace tidemark::catalog {

inline constexpr std::string_view kRepositoryFile = "tidemark.json";
inline constexpr std::string_view kKeysFolder = "keys/";
inline constexpr std::string_view kClustersFolder = "clusters/";

bool cluster_name_valid(std::string_view name);  // [a-z0-9][a-z0-9_-]{0,62}
std::string key_name(std::uint32_t number);      // "keys/1"

// One system identifier and major version of a cluster; its folder is the prefix of everything else.
struct Incarnation {
  std::string cluster;
  int major = 0;
  SystemId system_id;
  auto operator<=>(const Incarnation&) const = default;
  std::string folder() const;  // "clusters/main/15-7123456789/"
};
std::optional<Incarnation> parse_incarnation_folder(std::string_view folder);

std::string identity_name(const Incarnation& incarnation, std::uint32_t number);

// WAL. Numbers are 8 upper-case hex digits (timeline, log), segments their 24-digit file name, LSNs 16 hex
// digits.
std::string wal_folder(const Incarnation& incarnation);                            // ".../wal/"
std::string timeline_folder(const Incarnation& incarnation, TimelineId timeline);  // ".../wal/00000001/"
std::string log_folder(const Incarnation& incarnation, TimelineId timeline, std::uint32_t log);
std::string segment_name(const Incarnation& incarnation, TimelineId timeline, wal::SegmentNo segment,
                         wal::SegmentSize size);
std::string piece_name(const Incarnation& incarnation, TimelineId timeline, Lsn start, Lsn end,
                       wal::SegmentSize size);
std::string open_segment_name(const Incarnation& incarnation, TimelineId timeline, Lsn start,
                              wal::SegmentSize size);
std::string log_index_name(const Incarnation& incarnation, TimelineId timeline, std::uint32_t log,
                           std::uint32_t version);
std::string history_name(const Incarnation& incarnation, TimelineId timeline);
std::string claim_name(const Incarnation& incarnation, TimelineId timeline);

// What an object directly below a log's folder is.
struct WalObjectName {
  wal::RangeKind kind = wal::RangeKind::segment;
  TimelineId timeline;
  wal::SegmentNo segment;
  Lsn start;
  Lsn end;  // open: 0/0, only its content tells
};
std::optional<WalObjectName> parse_wal_object_name(const Incarnation& incarnation, std::string_view name,
                                                   wal::SegmentSize size);
std::optional<TimelineId> parse_timeline_folder(const Incarnation& incarnation, std::string_view folder);

std::string checkpoints_folder(const Incarnation& incarnation);
std::string checkpoint_name(const Incarnation& incarnation, Instant time,
                            std::uint32_t random);                         // newest sorts first
std::optional<Instant> parse_checkpoint_name(std::string_view last_part);  // of an object's name
std::string backups_folder(const Incarnation& incarnation);
std::string backup_folder(const Incarnation& incarnation, const BackupId& id);  // ".../backups/<id>/"

// What an object below a backup's folder is.
enum class BackupObjectKind : std::uint8_t { begun, pack, part, names, manifest, manifest_copy };
struct BackupObjectName {
  BackupId id;
  BackupObjectKind kind = BackupObjectKind::begun;
  std::uint32_t number = 0;  // of a pack or part
};
std::optional<BackupObjectName> parse_backup_object_name(const Incarnation& incarnation,
                                                         std::string_view name);
std::string begun_name(const Incarnation& incarnation, const BackupId& id);
std::string pack_name(const Incarnation& incarnation, const BackupId& id, std::uint32_t number);
std::string part_name(const Incarnation& incarnation, const BackupId& id, std::uint32_t number);
std::string names_name(const Incarnation& incarnation, const BackupId& id);
std::string manifest_name(const Incarnation& incarnation, const BackupId& id);
std::string manifest_copy_name(const Incarnation& incarnation, const BackupId& id);
std::string marks_folder(const Incarnation& incarnation);
std::string mark_name(const Incarnation& incarnation, Instant time, std::string_view kind,
                      std::uint32_t random);

}  // namespace tidemark::catalog
