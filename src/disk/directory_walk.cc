#include "disk/directory_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "tidemark/error.h"

namespace tidemark::disk {

namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using OpenFolder = std::unique_ptr<DIR, CloseFolder>;

EntryType type_of_mode(mode_t mode) {
  if (S_ISREG(mode)) return EntryType::file;
  if (S_ISDIR(mode)) return EntryType::folder;
  if (S_ISLNK(mode)) return EntryType::symlink;
  return EntryType::other;
}

bool means_absent(int error_number) { return error_number == ENOENT || error_number == ENOTDIR; }

// nullopt when the entry vanished.
std::optional<EntryType> type_of_entry(DIR* folder, const dirent& entry) {
  switch (entry.d_type) {
    case DT_REG:
      return EntryType::file;
    case DT_DIR:
      return EntryType::folder;
    case DT_LNK:
      return EntryType::symlink;
    case DT_UNKNOWN:
      break;  // file systems that do not keep types in folders
    default:
      return EntryType::other;
  }
  struct stat found {};
  if (::fstatat(::dirfd(folder), entry.d_name, &found, AT_SYMLINK_NOFOLLOW) == 0)
    return type_of_mode(found.st_mode);
  if (errno == ENOENT) return std::nullopt;
  throw errno_error(errno, fmt::format("looking at {}", entry.d_name));
}

std::vector<FolderEntry> read_entries(DIR* folder, const Path& path) {
  std::vector<FolderEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder);
    if (entry == nullptr) {
      if (errno != 0) throw errno_error(errno, fmt::format("reading the folder {}", path.string()));
      break;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (const auto type = type_of_entry(folder, *entry)) entries.push_back({std::string(name), *type});
  }
  std::sort(entries.begin(), entries.end(),
            [](const FolderEntry& one, const FolderEntry& other) { return one.name < other.name; });
  return entries;
}

std::optional<FileStatus> look(const Path& path, int flags) {
  struct stat found {};
  if (::fstatat(AT_FDCWD, path.c_str(), &found, flags) != 0) {
    if (means_absent(errno)) return std::nullopt;
    throw errno_error(errno, fmt::format("looking at {}", path.string()));
  }
  FileStatus status;
  status.type = type_of_mode(found.st_mode);
  status.size_bytes = static_cast<std::uint64_t>(found.st_size);
  status.allocated_bytes = static_cast<std::uint64_t>(found.st_blocks) * 512;
  status.mode = found.st_mode & 07777;
  status.owner = found.st_uid;
  status.group = found.st_gid;
  status.modified = Instant::from_unix(found.st_mtim.tv_sec * 1'000'000LL + found.st_mtim.tv_nsec / 1000);
  status.device = found.st_dev;
  status.inode = found.st_ino;
  status.links = found.st_nlink;
  return status;
}

Path nearest_existing(const Path& path) {
  Path at = std::filesystem::absolute(path).lexically_normal();
  while (at.has_relative_path() && !status_following(at)) at = at.parent_path();
  return at;
}

void walk_below(const Path& folder, const std::string& prefix,
                const std::function<bool(const std::string&, const FileStatus&)>& visit) {
  for (const FolderEntry& entry : list_folder_if_present(folder)) {
    const Path path = folder / entry.name;
    const auto status = status_of(path);
    if (!status) continue;
    const std::string relative = prefix + entry.name;
    const bool enter = visit(relative, *status);
    if (enter && status->type == EntryType::folder) walk_below(path, relative + '/', visit);
  }
}

}  // namespace

std::vector<FolderEntry> list_folder(const Path& folder) {
  const OpenFolder open(::opendir(folder.c_str()));
  if (!open) {
    if (errno == ENOENT)
      throw Error(ErrorKind::not_found, fmt::format("the folder {} does not exist", folder.string()));
    throw errno_error(errno, fmt::format("opening the folder {}", folder.string()));
  }
  return read_entries(open.get(), folder);
}

std::vector<FolderEntry> list_folder_if_present(const Path& folder) {
  const OpenFolder open(::opendir(folder.c_str()));
  if (open) return read_entries(open.get(), folder);
  if (means_absent(errno)) return {};
  throw errno_error(errno, fmt::format("opening the folder {}", folder.string()));
}

std::optional<FileStatus> status_of(const Path& path) { return look(path, AT_SYMLINK_NOFOLLOW); }
std::optional<FileStatus> status_following(const Path& path) { return look(path, 0); }
bool path_exists(const Path& path) { return status_of(path).has_value(); }

std::optional<std::string> read_link(const Path& path) {
  std::string target(4096, '\0');
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) {
    if (means_absent(errno) || errno == EINVAL) return std::nullopt;
    throw errno_error(errno, fmt::format("reading the symbolic link {}", path.string()));
  }
  target.resize(static_cast<std::size_t>(length));
  return target;
}

void walk_tree(const Path& root, const std::function<bool(const std::string&, const FileStatus&)>& visit) {
  walk_below(root, "", visit);
}

std::uint64_t free_bytes(const Path& path) {
  const Path at = nearest_existing(path);
  struct statvfs found {};
  if (::statvfs(at.c_str(), &found) != 0)
    throw errno_error(errno, fmt::format("asking for free space of {}", at.string()));
  return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
}

dev_t device_of(const Path& path) {
  const Path at = nearest_existing(path);
  const auto status = status_following(at);
  if (!status) throw errno_error(ENOENT, fmt::format("looking at {}", at.string()));
  return status->device;
}

bool same_device(const Path& one, const Path& other) { return device_of(one) == device_of(other); }

}  // namespace tidemark::disk
