#include "backup/data_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "pgdata/copy_rules.h"
#include "tidemark/log.h"

namespace tidemark::backup {

namespace {

using catalog::EntryKind;
using disk::EntryType;

bool is_below(const std::string& path, std::string_view folder) { return path.starts_with(folder); }
bool is_top_level(const std::string& path) { return path.find('/') == std::string::npos; }

// Links to folders are followed only where PostgreSQL keeps its own data: a `log` that leads to /var/log is
// not ours.
bool is_data_folder(const std::string& path) {
  return is_top_level(path) && (path == "base" || path == "global" || path.starts_with("pg_"));
}

bool is_tablespace_link(const std::string& path) {
  return is_below(path, "pg_tblspc/") && std::count(path.begin(), path.end(), '/') == 1;
}

}  // namespace

DataWalk::DataWalk(std::filesystem::path data_directory, int major, std::uint32_t catalog_version)
    : root_(std::move(data_directory)), major_(major), catalog_version_(catalog_version) {
  remember_tablespaces();
  enter("", root_);
}

void DataWalk::remember_tablespaces() {
  for (const disk::FolderEntry& entry : disk::list_folder_if_present(root_ / "pg_tblspc")) {
    if (entry.type != EntryType::symlink) continue;
    if (const auto status = disk::status_following(root_ / "pg_tblspc" / entry.name)) {
      tablespace_folders_.insert({status->device, status->inode});
    }
  }
}

// A folder "a" comes up twice, as "a" and as "a/": between the two lies "a.b", because '.' < '/'.
void DataWalk::enter(const std::string& prefix, const std::filesystem::path& folder) {
  Level level;
  level.prefix = prefix;
  level.folder = folder;
  for (disk::FolderEntry& entry : disk::list_folder_if_present(folder)) {
    if (entry.type == EntryType::folder || entry.type == EntryType::symlink) {
      level.events.push_back({entry.name + '/'});
    }
    level.events.push_back({std::move(entry.name)});
  }
  std::sort(level.events.begin(), level.events.end());
  levels_.push_back(std::move(level));
}

std::optional<WalkItem> DataWalk::next() {
  for (;;) {
    if (!synthesised_.empty()) {
      WalkItem item = std::move(synthesised_.back());
      synthesised_.pop_back();
      return item;
    }
    if (levels_.empty()) return std::nullopt;
    Level& level = levels_.back();
    if (level.at == level.events.size()) {
      levels_.pop_back();
      continue;
    }
    const std::string name = level.events[level.at++].name;
    if (name.ends_with('/')) {
      const std::string plain = name.substr(0, name.size() - 1);
      if (level.prefix.empty() && plain == "pg_wal") synthesise_wal_folders();
      if (level.entered.erase(plain) == 0) continue;
      const std::string prefix = level.prefix + name;
      const std::filesystem::path folder = level.folder / plain;
      enter(prefix, folder);  // `level` is invalid from here on
    } else if (auto item = look(level, name)) {
      return item;
    }
  }
}

std::optional<WalkItem> DataWalk::look(Level& level, const std::string& name) {
  WalkItem item;
  item.path = level.prefix + name;
  item.source = level.folder / name;
  const auto status = disk::status_of(item.source);
  if (!status) return std::nullopt;  // vanished: WAL tells the rest
  item.status = *status;
  switch (status->type) {
    case EntryType::folder:
      return look_at_folder(level, name, std::move(item));
    case EntryType::symlink:
      return look_at_link(level, name, std::move(item));
    case EntryType::file:
      if (pgdata::copy_rule(item.path, false, major_, catalog_version_) != pgdata::CopyRule::copy)
        return std::nullopt;
      if (is_unlogged(item.path)) return std::nullopt;
      item.kind = EntryKind::file;
      return item;
    case EntryType::other:
      tidemark::log_debug("backup", fmt::format("{} is neither file, folder nor link: left out", item.path));
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<WalkItem> DataWalk::look_at_folder(Level& level, const std::string& name, WalkItem item) {
  const auto rule = pgdata::copy_rule(item.path, true, major_, catalog_version_);
  if (rule == pgdata::CopyRule::skip) return std::nullopt;
  item.kind = EntryKind::folder;
  // A tablespace inside the data directory is copied under pg_tblspc; here only its folder is kept.
  const bool is_tablespace = !is_below(item.path, "pg_tblspc/") &&
                             tablespace_folders_.contains({item.status.device, item.status.inode});
  if (rule == pgdata::CopyRule::copy && !is_tablespace) level.entered.insert(name);
  if (item.path == "pg_wal") wal_folder_ = item;
  return item;
}

std::optional<WalkItem> DataWalk::look_at_link(Level& level, const std::string& name, WalkItem item) {
  const auto target = disk::read_link(item.source);
  if (!target) return std::nullopt;
  const auto followed = disk::status_following(item.source);
  const bool leads_to_folder = followed && followed->type == EntryType::folder;
  item.link_target = *target;
  item.kind = EntryKind::symlink;
  if (is_tablespace_link(item.path) && leads_to_folder) {
    level.entered.insert(name);
    return item;
  }
  if (leads_to_folder && is_data_folder(item.path)) {
    item.status = *followed;
    item.link_target.clear();
    return look_at_folder(level, name, std::move(item));
  }
  if (followed && followed->type == EntryType::file) {
    // A configuration file kept elsewhere: its content belongs to the backup, the place does not exist on
    // another host.
    if (pgdata::copy_rule(item.path, false, major_, catalog_version_) != pgdata::CopyRule::copy)
      return std::nullopt;
    item.status = *followed;
    item.link_target.clear();
    item.kind = EntryKind::file;
  }
  return item;
}

// pg_wal stays empty but for the folders that the server expects in it.
void DataWalk::synthesise_wal_folders() {
  if (!wal_folder_) return;
  const auto add = [this](std::string_view name) {
    WalkItem item = *wal_folder_;
    item.path = fmt::format("pg_wal/{}", name);
    item.source = wal_folder_->source / name;
    synthesised_.push_back(std::move(item));  // handed out from the back
  };
  if (major_ >= 17) add("summaries");
  add("archive_status");
}

bool DataWalk::is_unlogged(const std::string& path) const {
  const auto init = pgdata::init_fork_path(path);
  return init && disk::path_exists(root_ / *init);
}

std::vector<catalog::Tablespace> read_tablespaces(const std::filesystem::path& data_directory) {
  std::vector<catalog::Tablespace> tablespaces;
  for (const disk::FolderEntry& entry : disk::list_folder_if_present(data_directory / "pg_tblspc")) {
    catalog::Tablespace tablespace;
    const std::string& name = entry.name;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), tablespace.oid);
    if (failure != std::errc() || end != name.data() + name.size()) continue;
    if (entry.type == EntryType::folder) {
      tablespace.in_place = true;
      tablespace.location = "pg_tblspc/" + name;
    } else if (const auto target = disk::read_link(data_directory / "pg_tblspc" / name)) {
      tablespace.location = *target;
    } else {
      continue;
    }
    tablespaces.push_back(std::move(tablespace));
  }
  return tablespaces;
}

}  // namespace tidemark::backup
