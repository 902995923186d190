#include "store/posix_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "store/growing_file.h"
#include "store/names.h"
#include "tidemark/clock.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::store {

namespace {

using disk::EntryType;
using disk::Path;
using Take = std::function<bool(const ObjectInfo&)>;

constexpr std::string_view kScratchFolder = ".tmp";
// Nobody takes a day for one put, and the clocks of two hosts on one share differ by less.
constexpr Microseconds kStaleAfter = std::chrono::hours(24);

class FileSource final : public ObjectSource {
 public:
  FileSource(std::string name, disk::InputFile file)
      : name_(std::move(name)), file_(std::move(file)), size_(file_.size()) {}
  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<Byte> to) const override {
    if (file_.read_up_to(offset, to) == to.size()) return;
    throw beyond_the_end(name_, size_, offset, to.size());
  }

 private:
  std::string name_;
  disk::InputFile file_;
  std::uint64_t size_;
};

// Entries so that walking them depth first yields full names in bytewise order: a folder counts as its name
// with '/', which sorts after '-' and '.' but before digits and letters.
struct Level {
  std::string name;  // a folder's ends with '/'
  bool folder() const { return name.back() == '/'; }
  auto operator<=>(const Level&) const = default;
};

class PosixStore final : public ObjectStore {
 public:
  PosixStore(Path root, disk::DurableOps& ops) : root_(std::move(root)), ops_(ops) {
    if (const auto found = disk::status_following(root_)) mounted_device_ = found->device;
  }

  StoreFeatures features() const override {
    return {.conditional_put = true, .append = true, .versions = false, .list_after = true};
  }
  std::string describe() const override { return "posix:" + root_.string(); }
  std::string device() const override { return fmt::format("device:{:x}", disk::device_of(root_)); }

  PutOutcome put(std::string_view name, std::span<const ByteView> pieces) override {
    const Path path = path_of(name);
    prepare(path.parent_path());
    const auto outcome = disk::publish_file_durably(ops_, path, pieces, root_ / kScratchFolder);
    return outcome == disk::LinkOutcome::linked ? PutOutcome::stored : PutOutcome::already_exists;
  }

  std::unique_ptr<ObjectSource> open(std::string_view name) const override {
    auto file = disk::InputFile::open_if_present(path_of(name));
    if (!file) return nullptr;
    return std::make_unique<FileSource>(std::string(name), std::move(*file));
  }

  std::optional<ObjectInfo> info(std::string_view name) const override {
    const auto found = disk::status_of(path_of(name));
    if (!found || found->type != EntryType::file) return std::nullopt;
    return ObjectInfo{std::string(name), found->size_bytes};
  }

  void list(std::string_view prefix, std::string_view after, const Take& take) const override {
    check_prefix(prefix);
    list_below(std::string(prefix), after, take);
  }

  void list_level(std::string_view prefix, const std::function<bool(std::string_view)>& take) const override {
    check_prefix(prefix);
    for (const Level& level : levels_of(std::string(prefix))) {
      if (!take(level.name)) return;
    }
  }

  void remove(std::string_view name) override {
    const Path path = path_of(name);
    const auto found = disk::status_of(path);
    if (!found || found->type != EntryType::file) {
      // An earlier removal may have died before its sync: make its outcome last, too.
      if (disk::path_exists(path.parent_path())) ops_.sync_folder(path.parent_path());
      return;
    }
    ops_.unlink(path);
    ops_.sync_folder(path.parent_path());
  }

  std::unique_ptr<GrowingObject> create_growing(std::string_view name, std::uint64_t reserve_bytes) override {
    const Path path = path_of(name);
    prepare(path.parent_path());
    return std::make_unique<GrowingFile>(ops_, path, reserve_bytes);
  }

 private:
  Path path_of(std::string_view name) const {
    check_name(name);
    if (name.starts_with(kScratchFolder) && name.substr(0, name.find('/')) == kScratchFolder) {
      throw Error(ErrorKind::internal, fmt::format("'{}' is no name for an object of {}", name, describe()));
    }
    return root_ / name;
  }

  // Folders and objects of one level, as list() must visit them.
  std::vector<Level> levels_of(const std::string& prefix) const {
    std::vector<Level> levels;
    for (disk::FolderEntry& entry : disk::list_folder_if_present(root_ / prefix)) {
      if (prefix.empty() && entry.name == kScratchFolder) continue;
      if (!object_name_valid(entry.name))
        continue;  // lost+found is valid but empty; "foo~" is nobody's object
      if (entry.type == EntryType::folder) levels.push_back({entry.name + '/'});
      if (entry.type == EntryType::file) levels.push_back({std::move(entry.name)});
    }
    std::sort(levels.begin(), levels.end());
    return levels;
  }

  // False when `take` wants no more.
  bool list_below(const std::string& prefix, std::string_view after, const Take& take) const {
    if (!prefix.empty() && prefix <= after && !after.starts_with(prefix))
      return true;  // all names here precede `after`
    for (const Level& level : levels_of(prefix)) {
      const std::string full = prefix + level.name;
      if (level.folder()) {
        if (!list_below(full, after, take)) return false;
      } else if (full > after) {
        const auto found = disk::status_of(root_ / full);
        if (found && !take({full, found->size_bytes})) return false;
      }
    }
    return true;
  }

  // Before the first file in a folder: the folder exists and is durable up to the root. A folder that is
  // already there may have been made by a process that died before its sync, so each is synced once, by
  // whoever first puts into it.
  void prepare(const Path& folder) {
    check_still_mounted();
    const std::lock_guard lock(mutex_);
    if (!scratch_ready_ || !disk::path_exists(root_ / kScratchFolder)) {
      disk::make_folders(ops_, root_);
      sync_parent_of_root();
      ops_.make_folder(root_ / kScratchFolder, disk::kPrivateFolder);
      remove_stale_files();
      mounted_device_ = disk::device_of(root_);
      scratch_ready_ = true;
    }
    if (durable_folders_.contains(folder) && disk::path_exists(folder)) return;
    make_durable(folder);
  }

  // Somebody may have made the root and died. A parent that this user cannot open is not one in which it made
  // the root.
  void sync_parent_of_root() {
    try {
      ops_.sync_folder(root_.parent_path());
    } catch (const Error& error) {
      if (error.code() != "permission_denied") throw;
    }
  }

  void make_durable(const Path& folder) {
    if (folder == root_) return;
    make_durable(folder.parent_path());
    if (durable_folders_.contains(folder) && disk::path_exists(folder)) return;
    ops_.make_folder(folder, disk::kPrivateFolder);
    ops_.sync_folder(folder.parent_path());
    durable_folders_.insert(folder);
  }

  // A share that was unmounted leaves an empty folder behind: writing there would acknowledge what is in no
  // repository.
  void check_still_mounted() const {
    const auto expected = mounted_device();
    const auto found = disk::status_following(root_);
    if (expected && (!found || found->device != *expected)) {
      throw Error(ErrorKind::unavailable,
                  fmt::format("{} is no longer the file system it was when it was opened", describe()))
          .hint("check that it is mounted");
    }
  }

  std::optional<dev_t> mounted_device() const {
    const std::lock_guard lock(mutex_);
    return mounted_device_;
  }

  void remove_stale_files() {
    const Instant limit = system_clock().now() - kStaleAfter;
    for (const auto& entry : disk::list_folder_if_present(root_ / kScratchFolder)) {
      if (!disk::is_temporary_name(entry.name)) continue;
      const Path path = root_ / kScratchFolder / entry.name;
      const auto found = disk::status_of(path);
      if (!found || found->modified > limit) continue;
      ops_.unlink(path);
      log_info("store", fmt::format("removed {}, left by a put that never ended", path.string()));
    }
  }

  const Path root_;
  disk::DurableOps& ops_;
  mutable std::mutex mutex_;  // guards what follows
  std::optional<dev_t> mounted_device_;
  bool scratch_ready_ = false;
  std::set<Path> durable_folders_;
};

}  // namespace

std::unique_ptr<ObjectStore> open_posix_store(std::filesystem::path root, disk::DurableOps& ops) {
  if (!root.has_filename() && root.has_parent_path() && root != root.root_path()) root = root.parent_path();
  return std::make_unique<PosixStore>(std::move(root), ops);
}

}  // namespace tidemark::store
