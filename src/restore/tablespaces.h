#pragma once
// Where the tablespaces of a restored cluster lie. Pure.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/manifest.h"

namespace tidemark::restore {

struct TablespaceMapping {
  std::filesystem::path from, to;
  bool operator==(const TablespaceMapping&) const = default;
};
// "OLD=NEW", both absolute; a '=' inside a path is written "\=". Error usage.
TablespaceMapping parse_tablespace_mapping(std::string_view text);

struct PlacedTablespace {
  std::uint32_t oid = 0;
  std::filesystem::path original;
  std::filesystem::path location;  // absolute; of an in-place one the folder inside the data directory
  bool in_place = false;
  bool operator==(const PlacedTablespace&) const = default;
};
// Unmapped ones keep their place. Error refused: a mapping that fits none, a location inside the target
// directory or holding it, two tablespaces in one place.
std::vector<PlacedTablespace> place_tablespaces(const std::vector<catalog::Tablespace>& tablespaces,
                                                const std::vector<TablespaceMapping>& mappings,
                                                const std::filesystem::path& target_directory);
// tablespace_map, by which recovery makes its links, with the new places. Empty when `original` is.
std::string rewrite_tablespace_map(std::string_view original, const std::vector<PlacedTablespace>& placed);

// Where the backup's path "pg_tblspc/16400/PG_15_202209061/..." or any other goes.
std::filesystem::path place_path(const std::string& path, const std::filesystem::path& target_directory,
                                 const std::vector<PlacedTablespace>& placed);

}  // namespace tidemark::restore
