#include "restore/target_directory.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "postgres/server_control.h"
#include "tidemark/error.h"

namespace tidemark::restore {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr mode_t kDataFolder = 0700;
constexpr mode_t kDataFile = 0600;

bool is_there(const fs::path& path) { return disk::status_of(path).has_value(); }

std::optional<Ownership> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16384, '\0');
  if (name.empty() || ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0)
    return std::nullopt;
  if (found == nullptr) return std::nullopt;
  return Ownership{true, entry.pw_uid, entry.pw_gid, name};
}

std::string our_user_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16384, '\0');
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return {};
  return entry.pw_name;
}

void refuse_occupied(const fs::path& target) {
  if (const auto pid = postgres::live_postmaster(target)) {
    throw Error(ErrorKind::refused,
                fmt::format("a PostgreSQL server (process {}) runs in {}", *pid, target.string()))
        .code("live_server")
        .hint("restore into another directory, or stop that server first");
  }
  const auto status = disk::status_following(target);
  if (!status) return;
  if (status->type != disk::EntryType::folder) {
    throw Error(ErrorKind::refused, fmt::format("{} is no folder", target.string()))
        .code("target_no_folder")
        .hint("name a folder that is empty or does not exist");
  }
  if (look_at_target(target) != TargetState::occupied) return;
  const auto entries = disk::list_folder(target);
  throw Error(ErrorKind::refused, fmt::format("the directory {} is not empty: it holds {}{}", target.string(),
                                              entries.front().name, entries.size() > 1 ? " and more" : ""))
      .code("target_not_empty")
      .hint("name an empty or new directory; nothing is ever overwritten");
}

void refuse_uncreatable(const fs::path& folder) {
  fs::path existing = folder;
  while (!existing.empty() && existing != existing.root_path() && !is_there(existing))
    existing = existing.parent_path();
  if (::access(existing.c_str(), W_OK | X_OK) == 0) return;
  throw Error(ErrorKind::refused,
              fmt::format("cannot create files in {}: {}", existing.string(), std::strerror(errno)))
      .code("target_not_writable")
      .hint("run as the user that will run the server, or as root, or choose another directory");
}

void refuse_used_tablespace(const PlacedTablespace& place, bool unfinished) {
  if (place.in_place) return;
  refuse_uncreatable(place.location);
  if (unfinished || disk::list_folder_if_present(place.location).empty()) return;
  throw Error(ErrorKind::refused,
              fmt::format("the folder {} for tablespace {} is not empty", place.location.string(), place.oid))
      .code("tablespace_not_empty")
      .hint(fmt::format("choose another place: --tablespace-map {}=/new/folder", place.original.string()));
}

void write_marker(disk::DurableOps& ops, const fs::path& target, const std::vector<std::string>& folders) {
  const json marker = {{"format", 1}, {"folders", folders}};
  const std::string text = marker.dump(2) + "\n";
  disk::write_file_durably(ops, target / kUnfinishedMarker, as_bytes(text), kDataFile);
}

// The tablespaces' folders that an unfinished restore filled; they were empty before.
std::vector<fs::path> marked_folders(const fs::path& target) {
  std::vector<fs::path> folders;
  const auto content = disk::read_whole_file_if_present(target / kUnfinishedMarker, 1 << 20);
  const json marker = content ? json::parse(as_text(*content), nullptr, false) : json();
  if (!marker.is_object() || !marker.contains("folders") || !marker["folders"].is_array()) return folders;
  for (const json& folder : marker["folders"]) {
    const fs::path path = folder.is_string() ? fs::path(folder.get<std::string>()) : fs::path();
    if (path.is_absolute() && path.filename().string().starts_with("PG_")) folders.push_back(path);
  }
  return folders;
}

std::vector<std::string> linked_version_folders(const fs::path& target) {
  std::vector<std::string> folders;
  for (const disk::FolderEntry& entry : disk::list_folder_if_present(target / "pg_tblspc")) {
    const auto location = disk::read_link(target / "pg_tblspc" / entry.name);
    if (!location) continue;
    for (const disk::FolderEntry& inside : disk::list_folder_if_present(*location)) {
      if (inside.name.starts_with("PG_")) folders.push_back((fs::path(*location) / inside.name).string());
    }
  }
  return folders;
}

}  // namespace

TargetState look_at_target(const fs::path& target) {
  const auto status = disk::status_following(target);
  if (!status) return TargetState::absent;
  if (status->type != disk::EntryType::folder) return TargetState::occupied;
  bool anything = false;
  for (const disk::FolderEntry& entry : disk::list_folder(target)) {
    // What mkfs leaves at the root of a file system, and our marker before it got its name.
    if (entry.name != "lost+found" && !disk::is_temporary_name(entry.name)) anything = true;
  }
  if (!anything) return TargetState::empty;
  if (is_there(target / kControlFile)) return TargetState::occupied;
  const bool ours = is_there(target / kUnfinishedMarker) || is_there(target / kPendingControlFile);
  return ours ? TargetState::unfinished : TargetState::occupied;
}

Ownership choose_ownership(const std::optional<std::string>& wanted, const std::string& recorded) {
  if (::geteuid() != 0) {
    const std::string ours = our_user_name();
    if (wanted && *wanted != ours) {
      throw Error(ErrorKind::refused,
                  fmt::format("only root can restore files for user {}; this is {}", *wanted, ours))
          .code("cannot_change_owner")
          .hint(fmt::format("run as {} or as root", *wanted));
    }
    return {false, ::geteuid(), ::getegid(), ours};
  }
  for (const std::string& name : {wanted.value_or(recorded), std::string("postgres")}) {
    const auto found = find_user(name);
    if (found && found->user != 0) return *found;
    if (wanted) break;
  }
  throw Error(ErrorKind::refused, fmt::format("no user {} on this host, and PostgreSQL does not run as root",
                                              wanted.value_or(recorded.empty() ? "postgres" : recorded)))
      .code("no_server_user")
      .hint("run as the user that will run the server");
}

void give(disk::DurableOps& ops, const fs::path& path, const Ownership& ownership) {
  if (ownership.change) ops.set_owner(path, ownership.user, ownership.group);
}

void refuse_unfit_target(const fs::path& target, const std::vector<PlacedTablespace>& placed,
                         std::uint64_t need_bytes) {
  refuse_occupied(target);
  refuse_uncreatable(target);
  const bool unfinished = look_at_target(target) == TargetState::unfinished;
  for (const PlacedTablespace& place : placed) refuse_used_tablespace(place, unfinished);
  std::uint64_t free = disk::free_bytes(target);
  for (const PlacedTablespace& place : placed) {
    if (!place.in_place && !disk::same_device(target, place.location))
      free += disk::free_bytes(place.location);
  }
  if (unfinished || free >= need_bytes) return;  // cleaning up an unfinished one frees what it takes
  constexpr std::uint64_t kMebibyte = 1ULL << 20;
  throw Error(ErrorKind::refused, fmt::format("{} MiB are needed, {} has {} MiB free",
                                              need_bytes / kMebibyte + 1, target.string(), free / kMebibyte))
      .code("not_enough_space")
      .hint("free space, or choose another directory or other places for tablespaces (--tablespace-map)");
}

void begin_target(disk::DurableOps& ops, const fs::path& target, const std::vector<PlacedTablespace>& placed,
                  const std::string& version_folder, const Ownership& ownership) {
  disk::make_folders(ops, target, kDataFolder);
  ops.set_mode(target, kDataFolder);
  give(ops, target, ownership);
  std::vector<std::string> folders;
  for (const PlacedTablespace& place : placed) {
    if (!place.in_place) folders.push_back((place.location / version_folder).string());
  }
  write_marker(ops, target, folders);
}

void clean_unfinished(disk::DurableOps& ops, const fs::path& target) {
  TIDEMARK_CHECK(look_at_target(target) == TargetState::unfinished);
  // Cut off between the marker's end and pg_control's beginning: the marker again, so that cleaning can be
  // cut off too.
  if (!is_there(target / kUnfinishedMarker)) write_marker(ops, target, linked_version_folders(target));
  for (const fs::path& folder : marked_folders(target)) disk::remove_tree(ops, folder);
  for (const disk::FolderEntry& entry : disk::list_folder(target)) {
    if (entry.name != kUnfinishedMarker && entry.name != "lost+found")
      disk::remove_tree(ops, target / entry.name);
  }
  ops.sync_folder(target);
  ops.unlink(target / kUnfinishedMarker);
  ops.sync_folder(target);
}

void finish_target(disk::DurableOps& ops, const fs::path& target, ByteView control_file,
                   const Ownership& ownership) {
  const fs::path pending = target / kPendingControlFile;
  ops.unlink(pending);
  const auto file = ops.create_file(pending, kDataFile);
  file->write_at(0, control_file);
  give(ops, pending, ownership);
  file->sync();
  file->close();
  ops.sync_folder(pending.parent_path());
  // The marker first: a folder with pg_control is somebody's database and must not look unfinished.
  ops.unlink(target / kUnfinishedMarker);
  ops.sync_folder(target);
  ops.rename_over(pending, target / kControlFile);
  ops.sync_folder(pending.parent_path());
}

}  // namespace tidemark::restore
