#pragma once
// What of a data directory a backup holds: postgres-notes 3.2; backup/basebackup.c. Paths are relative to the
// data directory, with tablespaces as "pg_tblspc/<oid>/PG_15_202209061/...".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::pgdata {

enum class CopyRule {
  copy,          // file: its content; folder: descend
  empty_folder,  // the folder itself, not what is in it
  skip,
};
// `name` is the last part of `path`. `major`/`catalog_version` decide which PG_* folder of a tablespace is
// ours.
CopyRule copy_rule(std::string_view path, bool is_folder, int major, std::uint32_t catalog_version);

enum class Fork : std::uint8_t { main = 0, fsm = 1, vm = 2, init = 3 };

// A relation's segment file recognised by its place and name.
struct RelationFile {
  std::uint32_t tablespace = 0;  // 1663 default, 1664 global
  std::uint32_t database = 0;    // 0 for global
  std::uint32_t relation = 0;    // filenode
  Fork fork = Fork::main;
  std::uint32_t segment = 0;  // "16384.3" is 3; blocks start at segment * relation_segment_blocks
};
std::optional<RelationFile> parse_relation_path(std::string_view path);
// The init fork's path whose presence makes `path` part of an unlogged relation: "base/5/16384_init".
std::optional<std::string> init_fork_path(std::string_view path);
std::string tablespace_version_folder(int major, std::uint32_t catalog_version);  // "PG_15_202209061"

}  // namespace tidemark::pgdata
