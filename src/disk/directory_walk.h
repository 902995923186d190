#pragma once
// Looking at folders and files without changing them. Folders of a running database change while they are
// read: an entry that vanishes between two calls is left out, never an error. Any thread. Errors: not_found
// where said, else io.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/instant.h"

namespace tidemark::disk {

using Path = std::filesystem::path;

enum class EntryType { file, folder, symlink, other };

struct FolderEntry {
  std::string name;
  EntryType type = EntryType::other;
};

struct FileStatus {
  EntryType type = EntryType::other;
  std::uint64_t size_bytes = 0;
  std::uint64_t allocated_bytes = 0;  // on disk: less than the size of a sparse file
  mode_t mode = 0;                    // permission bits only
  uid_t owner = 0;
  gid_t group = 0;
  Instant modified;
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t links = 0;
};

// Ascending bytewise by name, without "." and "..". An absent folder is not_found.
std::vector<FolderEntry> list_folder(const Path& folder);
// The same; an absent folder, or what is no folder, has no entries.
std::vector<FolderEntry> list_folder_if_present(const Path& folder);

std::optional<FileStatus> status_of(const Path& path);         // of a symbolic link itself
std::optional<FileStatus> status_following(const Path& path);  // of what a symbolic link leads to
bool path_exists(const Path& path);                            // follows no symbolic link

std::optional<std::string> read_link(const Path& path);  // nullopt: absent or no symbolic link

// Everything below `root`, a folder before what it holds, entries in bytewise order of names; symbolic links
// are reported, not followed. `visit` gets the path relative to root with '/' between parts; for a folder,
// false skips what is below.
void walk_tree(const Path& root,
               const std::function<bool(const std::string& relative, const FileStatus&)>& visit);

// What an ordinary user can still write to the file system that holds `path` (or its nearest existing
// parent).
std::uint64_t free_bytes(const Path& path);
// The device that holds `path` or, when it does not exist, its nearest existing parent.
dev_t device_of(const Path& path);
bool same_device(const Path& one, const Path& other);

}  // namespace tidemark::disk
