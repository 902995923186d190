#include "restore/tablespaces.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "pgdata/backup_label.h"
#include "tidemark/error.h"

namespace tidemark::restore {

namespace {

namespace fs = std::filesystem;

fs::path normal(const fs::path& path) {
  fs::path result = path.lexically_normal();
  if (!result.has_filename() && result.has_parent_path() && result != result.root_path())
    result = result.parent_path();
  return result;
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  const auto [in_folder, in_path] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return in_folder == folder.end();
}

void check_places(const std::vector<PlacedTablespace>& placed, const fs::path& target) {
  for (std::size_t at = 0; at < placed.size(); ++at) {
    const PlacedTablespace& one = placed[at];
    if (one.in_place) continue;
    if (is_inside(one.location, target) || is_inside(target, one.location)) {
      throw Error(ErrorKind::refused,
                  fmt::format("tablespace {} would lie in {}, and the data directory in {}: one is inside "
                              "the other",
                              one.oid, one.location.string(), target.string()))
          .code("tablespace_inside_target")
          .hint(fmt::format("choose another place: --tablespace-map {}=/another/folder",
                            one.original.string()));
    }
    for (std::size_t other = 0; other < at; ++other) {
      const PlacedTablespace& second = placed[other];
      if (second.in_place ||
          !(is_inside(one.location, second.location) || is_inside(second.location, one.location)))
        continue;
      throw Error(ErrorKind::refused, fmt::format("tablespaces {} and {} would both lie in {}", second.oid,
                                                  one.oid, one.location.string()))
          .code("tablespaces_collide")
          .hint("give each tablespace a folder of its own with --tablespace-map OLD=NEW");
    }
  }
}

}  // namespace

TablespaceMapping parse_tablespace_mapping(std::string_view text) {
  std::string parts[2];
  int part = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size() && text[at + 1] == '=') {
      parts[part] += text[++at];
    } else if (text[at] == '=' && part == 0) {
      part = 1;
    } else {
      parts[part] += text[at];
    }
  }
  TablespaceMapping mapping{normal(parts[0]), normal(parts[1])};
  if (part == 0 || !mapping.from.is_absolute() || !mapping.to.is_absolute()) {
    throw Error(ErrorKind::usage, fmt::format("`{}` does not map one absolute path to another", text))
        .hint("write it as --tablespace-map /old/location=/new/location");
  }
  return mapping;
}

std::vector<PlacedTablespace> place_tablespaces(const std::vector<catalog::Tablespace>& tablespaces,
                                                const std::vector<TablespaceMapping>& mappings,
                                                const fs::path& target_directory) {
  const fs::path target = normal(target_directory);
  std::vector<PlacedTablespace> placed;
  std::vector<bool> used(mappings.size());
  for (const catalog::Tablespace& tablespace : tablespaces) {
    PlacedTablespace place{tablespace.oid, normal(tablespace.location), {}, tablespace.in_place};
    place.location = place.in_place ? target / place.original : place.original;
    for (std::size_t at = 0; at < mappings.size(); ++at) {
      if (place.in_place || normal(mappings[at].from) != place.original) continue;
      place.location = normal(mappings[at].to);
      used[at] = true;
    }
    placed.push_back(std::move(place));
  }
  for (std::size_t at = 0; at < mappings.size(); ++at) {
    if (used[at]) continue;
    std::string known;
    for (const PlacedTablespace& place : placed) known += fmt::format(" {}", place.original.string());
    throw Error(ErrorKind::refused,
                fmt::format("the backup has no tablespace at {}", mappings[at].from.string()))
        .code("tablespace_unknown")
        .hint(known.empty() ? "it has no tablespaces at all: leave --tablespace-map out"
                            : "its tablespaces lie in:" + known);
  }
  check_places(placed, target);
  return placed;
}

std::string rewrite_tablespace_map(std::string_view original, const std::vector<PlacedTablespace>& placed) {
  if (original.empty()) return {};
  auto map = pgdata::parse_tablespace_map(original);
  for (pgdata::TablespaceLocation& entry : map) {
    for (const PlacedTablespace& place : placed) {
      if (place.oid == entry.oid && !place.in_place) entry.path = place.location.string();
    }
  }
  return pgdata::render_tablespace_map(map);
}

fs::path place_path(const std::string& path, const fs::path& target_directory,
                    const std::vector<PlacedTablespace>& placed) {
  constexpr std::string_view kLinks = "pg_tblspc/";
  if (!path.starts_with(kLinks)) return target_directory / path;
  std::uint32_t oid = 0;
  const char* const begin = path.data() + kLinks.size();
  const char* const end = path.data() + path.size();
  const auto [after, failure] = std::from_chars(begin, end, oid);
  if (failure != std::errc() || (after != end && *after != '/')) return target_directory / path;
  for (const PlacedTablespace& place : placed) {
    if (place.oid != oid || place.in_place) continue;
    return after == end ? place.location : place.location / std::string(after + 1, end);
  }
  return target_directory / path;
}

}  // namespace tidemark::restore
