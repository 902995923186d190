#pragma once
// backup_label and tablespace_map, as pg_backup_stop returns them and as recovery reads them:
// postgres-notes 3.1, 3.5.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::pgdata {

struct BackupLabel {
  Lsn start;            // START WAL LOCATION
  Lsn checkpoint;       // CHECKPOINT LOCATION
  TimelineId timeline;  // START TIMELINE
  bool from_standby = false;
};
BackupLabel parse_backup_label(std::string_view content);  // Error corrupt

struct TablespaceLocation {
  std::uint32_t oid = 0;
  std::string path;  // absolute location
  bool operator==(const TablespaceLocation&) const = default;
};
std::vector<TablespaceLocation> parse_tablespace_map(std::string_view content);
std::string render_tablespace_map(const std::vector<TablespaceLocation>& map);  // with PostgreSQL's escapes

}  // namespace tidemark::pgdata
