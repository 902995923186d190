// Steps composed of the port's operations. Whatever fails on the way, an unpublished temporary file is taken
// back.
#include "disk/durable_ops.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>

#include "disk/directory_walk.h"
#include "tidemark/error.h"

namespace tidemark::disk {

namespace {

constexpr std::string_view kTemporaryPrefix = ".tmp-";

// A file that vanishes unless it was published. Cleaning up may fail as well (a full disk, a simulated power
// cut): then the file stays behind under its temporary name, where it harms nobody.
class TemporaryFile {
 public:
  TemporaryFile(DurableOps& ops, const Path& folder, mode_t mode)
      : ops_(ops), path_(folder / temporary_name()), file_(ops.create_file(path_, mode)) {}
  ~TemporaryFile() {
    if (path_.empty()) return;
    try {
      ops_.unlink(path_);
    } catch (...) {  // a destructor undoes as well as it can
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const Path& path() const { return path_; }

  void fill(std::span<const ByteView> pieces) {
    for (const ByteView piece : pieces) file_->append(piece);
    file_->sync();
    file_->close();
  }
  void published() { path_.clear(); }

 private:
  DurableOps& ops_;
  Path path_;
  std::unique_ptr<OutputFile> file_;
};

}  // namespace

std::string temporary_name() {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random)
    throw errno_error(errno, "reading random bytes");
  return fmt::format("{}{:016x}", kTemporaryPrefix, random);
}

bool is_temporary_name(std::string_view name) { return name.starts_with(kTemporaryPrefix); }

MakeOutcome make_folders(DurableOps& ops, const Path& folder, mode_t mode) {
  if (folder.empty()) return MakeOutcome::already_there;
  if (const auto found = status_following(folder); found && found->type == EntryType::folder) {
    return MakeOutcome::already_there;
  }
  const Path parent = folder.has_filename() ? folder.parent_path() : folder.parent_path().parent_path();
  make_folders(ops, parent, mode);
  const MakeOutcome outcome = ops.make_folder(folder, mode);
  ops.sync_folder(parent);
  return outcome;
}

RemoveOutcome remove_tree(DurableOps& ops, const Path& path) {
  const auto found = status_of(path);
  if (!found) return RemoveOutcome::absent;
  if (found->type != EntryType::folder) return ops.unlink(path);
  for (const FolderEntry& entry : list_folder_if_present(path)) {
    if (entry.type == EntryType::folder) {
      remove_tree(ops, path / entry.name);
    } else {
      ops.unlink(path / entry.name);
    }
  }
  return ops.remove_folder(path);
}

void write_file_durably(DurableOps& ops, const Path& path, ByteView bytes, mode_t mode) {
  const Path folder = path.parent_path();
  TemporaryFile temporary(ops, folder, mode);
  temporary.fill(std::span(&bytes, 1));
  ops.rename_over(temporary.path(), path);
  temporary.published();
  ops.sync_folder(folder);
}

LinkOutcome publish_file_durably(DurableOps& ops, const Path& path, std::span<const ByteView> pieces,
                                 const Path& scratch, mode_t mode) {
  LinkOutcome outcome;
  {
    TemporaryFile temporary(ops, scratch, mode);
    temporary.fill(pieces);
    outcome = ops.link_new(temporary.path(), path);
  }
  // Also when the name was taken: its first writer may have died between its link and this.
  ops.sync_folder(path.parent_path());
  return outcome;
}

}  // namespace tidemark::disk
