#include "pgdata/copy_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace tidemark::pgdata {

namespace {

// Rebuilt at start, or meaningless in a copy. pg_replslot: a slot taken along would hold WAL for nobody.
constexpr std::array<std::string_view, 8> kEmptyFolders = {"pg_wal",      "pg_replslot", "pg_dynshmem",
                                                           "pg_notify",   "pg_serial",   "pg_snapshots",
                                                           "pg_stat_tmp", "pg_subtrans"};
constexpr std::array<std::string_view, 8> kSkippedFiles = {
    "postmaster.pid",  "postmaster.opts",          "backup_label",         "tablespace_map",
    "backup_manifest", "postgresql.auto.conf.tmp", "current_logfiles.tmp", ".DS_Store"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}  // npos + 1 is 0

std::size_t depth_of(std::string_view path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
}

// Takes the first part off `path`.
std::string_view next_part(std::string_view& path) {
  const std::size_t end = path.find('/');
  const std::string_view part = path.substr(0, end);
  path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  return part;
}

// As PostgreSQL writes numbers into names: no sign, no leading zero, 32 bits.
std::optional<std::uint32_t> parse_number(std::string_view text) {
  if (text.empty() || text[0] == '0' || text[0] == '+' || text[0] == '-') return std::nullopt;
  std::uint32_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct RelationName {
  std::uint32_t relation = 0;
  Fork fork = Fork::main;
  std::uint32_t segment = 0;
};

// "16384", "16384_vm", "16384_fsm.1".
std::optional<RelationName> parse_relation_name(std::string_view name) {
  RelationName found;
  if (const std::size_t dot = name.find('.'); dot != std::string_view::npos) {
    const auto segment = parse_number(name.substr(dot + 1));
    if (!segment) return std::nullopt;
    found.segment = *segment;
    name = name.substr(0, dot);
  }
  if (const std::size_t line = name.find('_'); line != std::string_view::npos) {
    const std::string_view fork = name.substr(line + 1);
    if (fork == "fsm") {
      found.fork = Fork::fsm;
    } else if (fork == "vm") {
      found.fork = Fork::vm;
    } else if (fork == "init") {
      found.fork = Fork::init;
    } else {
      return std::nullopt;
    }
    name = name.substr(0, line);
  }
  const auto relation = parse_number(name);
  if (!relation) return std::nullopt;
  found.relation = *relation;
  return found;
}

// "t3_16384": a relation of backend 3, void after a restart.
bool is_temporary_relation(std::string_view name) {
  if (!name.starts_with('t')) return false;
  const std::size_t line = name.find('_');
  if (line == std::string_view::npos) return false;
  const std::string_view backend = name.substr(1, line - 1);
  if (backend != "0" && !parse_number(backend)) return false;
  return parse_relation_name(name.substr(line + 1)).has_value();
}

struct DatabaseFolder {
  std::uint32_t tablespace = 0, database = 0;
};

// The folder that holds `path`, when relations of one database live in it; leaves the last part in `path`.
std::optional<DatabaseFolder> take_database_folder(std::string_view& path) {
  const std::size_t depth = depth_of(path);
  if (depth == 3 && path.starts_with("base/")) {
    next_part(path);
    const auto database = parse_number(next_part(path));
    if (database) return DatabaseFolder{1663, *database};
  } else if (depth == 5 && path.starts_with("pg_tblspc/")) {
    next_part(path);
    const auto tablespace = parse_number(next_part(path));
    const bool versioned = next_part(path).starts_with("PG_");
    const auto database = parse_number(next_part(path));
    if (tablespace && versioned && database) return DatabaseFolder{*tablespace, *database};
  }
  return std::nullopt;
}

bool in_database_folder(std::string_view path) { return take_database_folder(path).has_value(); }

CopyRule folder_rule(std::string_view path, std::string_view name, int major, std::uint32_t catalog_version) {
  if (depth_of(path) == 1 && contains(kEmptyFolders, name)) return CopyRule::empty_folder;
  if (path.starts_with("pg_tblspc/") && depth_of(path) == 3 &&
      name != tablespace_version_folder(major, catalog_version)) {
    return CopyRule::skip;  // another version's, left by pg_upgrade
  }
  return CopyRule::copy;
}

}  // namespace

CopyRule copy_rule(std::string_view path, bool is_folder, int major, std::uint32_t catalog_version) {
  const std::string_view name = last_part(path);
  if (name.starts_with("pgsql_tmp")) return CopyRule::skip;
  if (is_folder) return folder_rule(path, name, major, catalog_version);
  if (contains(kSkippedFiles, name) || name.starts_with("pg_internal.init")) return CopyRule::skip;
  if (path == "global/pg_control") return CopyRule::skip;  // read last and kept in the manifest
  if (path.starts_with("pg_tblspc/") && depth_of(path) == 3) return CopyRule::skip;
  if (in_database_folder(path) && is_temporary_relation(name)) return CopyRule::skip;
  return CopyRule::copy;
}

std::optional<RelationFile> parse_relation_path(std::string_view path) {
  RelationFile file;
  if (depth_of(path) == 2 && path.starts_with("global/")) {
    next_part(path);
    file.tablespace = 1664;
  } else if (const auto folder = take_database_folder(path)) {
    file.tablespace = folder->tablespace;
    file.database = folder->database;
  } else {
    return std::nullopt;
  }
  const auto name = parse_relation_name(path);
  if (!name) return std::nullopt;
  file.relation = name->relation;
  file.fork = name->fork;
  file.segment = name->segment;
  return file;
}

std::optional<std::string> init_fork_path(std::string_view path) {
  const auto file = parse_relation_path(path);
  if (!file || file->database == 0 || file->fork == Fork::init) return std::nullopt;
  const std::string_view folder = path.substr(0, path.rfind('/'));
  return fmt::format("{}/{}_init", folder, file->relation);
}

std::string tablespace_version_folder(int major, std::uint32_t catalog_version) {
  return fmt::format("PG_{}_{}", major, catalog_version);
}

}  // namespace tidemark::pgdata
