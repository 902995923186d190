#include "restore/ready_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "tidemark/error.h"

namespace tidemark::restore {

namespace {

namespace fs = std::filesystem;

constexpr const char* kRoot = "pg_wal/tidemark_restore";
constexpr mode_t kFolder = 0700;
constexpr mode_t kFile = 0600;

void make_owned(disk::DurableOps& ops, const fs::path& folder, const Ownership& ownership) {
  ops.make_folder(folder, kFolder);
  give(ops, folder, ownership);
}

// Under a name of its own first: who looks must not find half a file.
void place_file(disk::DurableOps& ops, const fs::path& making, const fs::path& to, ByteView bytes,
                const Ownership& ownership, bool durable) {
  ops.unlink(making);
  const auto file = ops.create_file(making, kFile);
  file->write_at(0, bytes);
  give(ops, making, ownership);
  if (durable) file->sync_data();
  file->close();
  ops.rename_over(making, to);
}

int open_lock_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && errno != ENOENT) throw errno_error(errno, fmt::format("opening {}", path.string()));
  return descriptor;
}

}  // namespace

ReadyFolder::ReadyFolder(fs::path data_directory, std::string session)
    : path_(std::move(data_directory) / kRoot / std::move(session)) {}

fs::path ReadyFolder::relative(const std::string& session) { return fs::path(kRoot) / session / "ready"; }

void ReadyFolder::create(disk::DurableOps& ops, const Ownership& ownership) const {
  make_owned(ops, path_.parent_path(), ownership);
  make_owned(ops, path_, ownership);
  for (const char* name : {"ready", "asked", "answers", "making"}) make_owned(ops, path_ / name, ownership);
  if (disk::path_exists(lock_file())) return;
  ops.create_file(lock_file(), kFile)->close();
  give(ops, lock_file(), ownership);
}

void ReadyFolder::remove_all(disk::DurableOps& ops, const fs::path& data_directory) {
  disk::remove_tree(ops, data_directory / kRoot);
}

void ReadyFolder::clear(disk::DurableOps& ops) const {
  for (const char* name : {"ready", "asked", "answers", "making"}) {
    for (const disk::FolderEntry& entry : disk::list_folder_if_present(path_ / name)) {
      ops.unlink(path_ / name / entry.name);
    }
  }
}

void ReadyFolder::deliver(disk::DurableOps& ops, const std::string& name, ByteView bytes,
                          const Ownership& ownership, bool durable) const {
  place_file(ops, path_ / "making" / name, path_ / "ready" / name, bytes, ownership, durable);
}

void ReadyFolder::drop(disk::DurableOps& ops, const std::string& name) const {
  ops.unlink(path_ / "ready" / name);
}

bool ReadyFolder::holds(const std::string& name) const { return disk::path_exists(path_ / "ready" / name); }

std::vector<std::string> ReadyFolder::asked() const {
  std::vector<std::string> names;
  for (disk::FolderEntry& entry : disk::list_folder_if_present(path_ / "asked"))
    names.push_back(std::move(entry.name));
  return names;
}

void ReadyFolder::answer(disk::DurableOps& ops, const std::string& name, const std::string& text,
                         const Ownership& ownership) const {
  place_file(ops, path_ / "making" / (name + ".answer"), path_ / "answers" / name, as_bytes(text), ownership,
             false);
}

void ReadyFolder::forget_question(disk::DurableOps& ops, const std::string& name) const {
  ops.unlink(path_ / "asked" / name);
}

bool ReadyFolder::take(disk::DurableOps& ops, const std::string& name, const fs::path& destination) const {
  if (!holds(name)) return false;
  ops.rename_over(path_ / "ready" / name, destination);
  return true;
}

void ReadyFolder::ask(disk::DurableOps& ops, const std::string& name) const {
  ops.unlink(path_ / "answers" / name);
  if (!disk::path_exists(path_ / "asked" / name)) ops.create_file(path_ / "asked" / name, kFile)->close();
}

std::optional<std::string> ReadyFolder::take_answer(disk::DurableOps& ops, const std::string& name) const {
  const fs::path file = path_ / "answers" / name;
  const auto content = disk::read_whole_file_if_present(file, 1 << 20);
  if (!content) return std::nullopt;
  ops.unlink(file);
  return std::string(as_text(*content));
}

bool ReadyFolder::served() const {
  const int descriptor = open_lock_file(lock_file());
  if (descriptor < 0) return false;
  const bool taken = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0;
  ::close(descriptor);
  return taken;
}

std::optional<ServingLock> ServingLock::try_take(const ReadyFolder& folder) {
  const int descriptor = open_lock_file(folder.lock_file());
  if (descriptor < 0) {
    throw Error(ErrorKind::internal, fmt::format("{} was not created", folder.lock_file().string()));
  }
  // A `wal fetch` that looks whether somebody serves holds the lock for a moment.
  for (int attempt = 0; attempt < 50; ++attempt) {
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return ServingLock(descriptor);
    ::usleep(10'000);
  }
  ::close(descriptor);
  return std::nullopt;
}

ServingLock::~ServingLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

ServingLock::ServingLock(ServingLock&& from) noexcept : descriptor_(std::exchange(from.descriptor_, -1)) {}

}  // namespace tidemark::restore
