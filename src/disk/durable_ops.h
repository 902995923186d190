#pragma once
// Port: every operation that changes a file system. The real one is real_ops(); fault_ops.h is the twin that
// fails, stops or forgets at a chosen step. Nothing else in the project calls write, fsync, link, rename,
// unlink, mkdir and their kin, so a test that counts the steps of this port has seen every moment at which
// power may fail.
//
// Any thread may call any member of DurableOps; an OutputFile belongs to one thread at a time. Failures are
// Error of kind io (errno_error); outcomes that a caller foresees are return values. Nothing is durable
// before the sync that covers it: bytes by the file's sync, names by sync_folder of the folder that holds
// them.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "tidemark/bytes.h"
#include "tidemark/instant.h"

namespace tidemark::disk {

using Path = std::filesystem::path;

constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kPrivateFolder = 0700;

// A file open for writing. The destructor closes it and syncs nothing; an error of close() is only seen by
// calling it.
class OutputFile {
 public:
  virtual ~OutputFile() = default;
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  virtual const Path& path() const = 0;  // the name it was opened under
  // All of `bytes`; the file grows as needed.
  virtual void write_at(std::uint64_t offset, ByteView bytes) = 0;
  // Writes where the last append ended: 0 for a created file, the end for an opened one.
  void append(ByteView bytes) {
    write_at(append_at_, bytes);
    append_at_ += bytes.size();
  }
  std::uint64_t append_position() const { return append_at_; }

  virtual void truncate(std::uint64_t size_bytes) = 0;  // longer: zeros
  // Space for [0, size_bytes) and that size, read as zeros; a file system that cannot only gets the size.
  virtual void allocate(std::uint64_t size_bytes) = 0;
  // Asks the kernel to begin writing these bytes out, so that the sync at the end finds little left. Waits
  // for nothing.
  virtual void start_writeback(std::uint64_t offset, std::uint64_t length) = 0;
  virtual void sync_data() = 0;  // fdatasync: the bytes and what is needed to read them
  virtual void sync() = 0;       // fsync: times and mode as well
  virtual void close() = 0;      // idempotent

 protected:
  std::uint64_t append_at_ = 0;
};

enum class MakeOutcome { made, already_there };
enum class LinkOutcome { linked, already_exists };
enum class RemoveOutcome { removed, absent };

class DurableOps {
 public:
  virtual ~DurableOps() = default;

  // A new file; a taken name is an Error mismatch with code "file_exists".
  virtual std::unique_ptr<OutputFile> create_file(const Path& path, mode_t mode) = 0;
  // An existing file, content kept; an absent one is an Error not_found. Never through a symbolic link.
  virtual std::unique_ptr<OutputFile> open_file(const Path& path) = 0;

  virtual void sync_folder(const Path& folder) = 0;
  // fsync of a file by name, for those who wrote many and kept none open.
  virtual void sync_file(const Path& file) = 0;
  // Everything dirty on the file system that holds `path`, names included: one call instead of one a file.
  virtual void sync_file_system(const Path& path) = 0;

  virtual void rename_over(const Path& from, const Path& to) = 0;  // atomic; replaces `to`
  virtual LinkOutcome link_new(const Path& from, const Path& to) = 0;
  virtual RemoveOutcome unlink(const Path& file) = 0;  // also symbolic links, which are not followed
  virtual MakeOutcome make_folder(const Path& folder, mode_t mode) = 0;  // one level
  virtual RemoveOutcome remove_folder(const Path& folder) = 0;           // an empty one
  virtual void make_symlink(const Path& target, const Path& link) = 0;

  virtual void set_mode(const Path& path, mode_t mode) = 0;
  virtual void set_owner(const Path& path, uid_t owner, gid_t group) = 0;  // of a symbolic link itself, too
  virtual void set_modified(const Path& path, Instant time) = 0;
};

DurableOps& real_ops();

// ".tmp-" and 16 random hex digits. Files of such names are nobody's data.
std::string temporary_name();
bool is_temporary_name(std::string_view name);

// Makes `folder` and the missing folders above it, each durable in its parent.
MakeOutcome make_folders(DurableOps& ops, const Path& folder, mode_t mode = kPrivateFolder);

// Removes what is there, file or folder with all below it; symbolic links are removed, not followed. Not
// synced: the caller syncs the folder that held it when the removal must last.
RemoveOutcome remove_tree(DurableOps& ops, const Path& path);

// The bytes under that name, whole or not at all, durable on return; replaces an existing file atomically.
void write_file_durably(DurableOps& ops, const Path& path, ByteView bytes, mode_t mode = kPrivateFile);

// The same, but never replaces: already_exists leaves what is there (and makes its name durable). The
// temporary file is made in `scratch`, which must lie on the same file system.
LinkOutcome publish_file_durably(DurableOps& ops, const Path& path, std::span<const ByteView> pieces,
                                 const Path& scratch, mode_t mode = kPrivateFile);

}  // namespace tidemark::disk
