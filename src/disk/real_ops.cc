// The real durable operations: thin calls, each foreign error turned into Error on the next line.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "disk/durable_ops.h"
#include "tidemark/error.h"

namespace tidemark::disk {

namespace {

[[noreturn]] void fail(int error_number, const char* doing, const Path& path) {
  throw errno_error(error_number, fmt::format("{} {}", doing, path.string()));
}

void sync_descriptor(int descriptor, bool data_only, const Path& path) {
  // EINTR is not an answer about the data; any other failure is final: the kernel may have dropped the dirty
  // pages, so a second fsync that succeeds would prove nothing.
  int failed;
  do {
    failed = data_only ? ::fdatasync(descriptor) : ::fsync(descriptor);
  } while (failed != 0 && errno == EINTR);
  if (failed != 0) fail(errno, "syncing", path);
}

class RealFile final : public OutputFile {
 public:
  RealFile(Path path, int descriptor, std::uint64_t size) : path_(std::move(path)), descriptor_(descriptor) {
    append_at_ = size;
  }
  ~RealFile() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  const Path& path() const override { return path_; }

  void write_at(std::uint64_t offset, ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail(written < 0 ? errno : EIO, "writing", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
  }

  void truncate(std::uint64_t size_bytes) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size_bytes)) != 0) fail(errno, "truncating", path_);
    append_at_ = std::min(append_at_, size_bytes);
  }

  void allocate(std::uint64_t size_bytes) override {
    if (size_bytes == 0) return;
    int failed;
    do {
      failed = ::fallocate(descriptor_, 0, 0, static_cast<off_t>(size_bytes));
    } while (failed != 0 && errno == EINTR);
    if (failed == 0) return;
    if (errno != EOPNOTSUPP && errno != ENOSYS) fail(errno, "allocating space for", path_);
    struct stat found {};
    if (::fstat(descriptor_, &found) != 0) fail(errno, "looking at", path_);
    if (static_cast<std::uint64_t>(found.st_size) < size_bytes &&
        ::ftruncate(descriptor_, static_cast<off_t>(size_bytes)) != 0) {
      fail(errno, "extending", path_);
    }
  }

  void start_writeback(std::uint64_t offset, std::uint64_t length) override {
    // A hint: file systems without it (ESPIPE, EINVAL, ENOSYS) lose nothing but speed, and a write error is
    // kept for sync.
    [[maybe_unused]] const int ignored = ::sync_file_range(descriptor_, static_cast<off_t>(offset),
                                                           static_cast<off_t>(length), SYNC_FILE_RANGE_WRITE);
  }

  void sync_data() override { sync_descriptor(descriptor_, true, path_); }
  void sync() override { sync_descriptor(descriptor_, false, path_); }

  void close() override {
    if (descriptor_ < 0) return;
    const int closing = std::exchange(descriptor_, -1);
    if (::close(closing) != 0 && errno != EINTR) fail(errno, "closing", path_);
  }

 private:
  Path path_;
  int descriptor_;
};

class RealOps final : public DurableOps {
 public:
  std::unique_ptr<OutputFile> create_file(const Path& path, mode_t mode) override {
    const int descriptor = open_retrying(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0 && errno == EEXIST) {
      throw Error(ErrorKind::mismatch, fmt::format("creating {}: the file exists", path.string()))
          .code("file_exists");
    }
    if (descriptor < 0) fail(errno, "creating", path);
    return std::make_unique<RealFile>(path, descriptor, 0);
  }

  std::unique_ptr<OutputFile> open_file(const Path& path) override {
    const int descriptor = open_retrying(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    if (descriptor < 0 && errno == ENOENT) {
      throw Error(ErrorKind::not_found, fmt::format("opening {}: no such file", path.string()));
    }
    if (descriptor < 0) fail(errno, "opening", path);
    struct stat found {};
    if (::fstat(descriptor, &found) != 0) {
      const int error_number = errno;
      ::close(descriptor);
      fail(error_number, "looking at", path);
    }
    return std::make_unique<RealFile>(path, descriptor, static_cast<std::uint64_t>(found.st_size));
  }

  void sync_folder(const Path& folder) override { sync_path(folder, O_DIRECTORY); }
  void sync_file(const Path& file) override { sync_path(file, O_NOFOLLOW); }

  void sync_file_system(const Path& path) override {
    const int descriptor = open_retrying(path, O_RDONLY | O_CLOEXEC, 0);
    if (descriptor < 0) fail(errno, "opening", path);
    const int error_number = ::syncfs(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    if (error_number != 0) fail(error_number, "syncing the file system of", path);
  }

  void rename_over(const Path& from, const Path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      throw errno_error(errno, fmt::format("renaming {} to {}", from.string(), to.string()));
    }
  }

  LinkOutcome link_new(const Path& from, const Path& to) override {
    if (::link(from.c_str(), to.c_str()) == 0) return LinkOutcome::linked;
    if (errno == EEXIST) return LinkOutcome::already_exists;
    throw errno_error(errno, fmt::format("linking {} to {}", from.string(), to.string()));
  }

  RemoveOutcome unlink(const Path& file) override {
    if (::unlink(file.c_str()) == 0) return RemoveOutcome::removed;
    if (errno == ENOENT) return RemoveOutcome::absent;
    fail(errno, "removing", file);
  }

  MakeOutcome make_folder(const Path& folder, mode_t mode) override {
    if (::mkdir(folder.c_str(), mode) == 0) return MakeOutcome::made;
    const int error_number = errno;
    struct stat found {};
    if (error_number == EEXIST && ::stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) {
      return MakeOutcome::already_there;
    }
    fail(error_number, "making the folder", folder);
  }

  RemoveOutcome remove_folder(const Path& folder) override {
    if (::rmdir(folder.c_str()) == 0) return RemoveOutcome::removed;
    if (errno == ENOENT) return RemoveOutcome::absent;
    fail(errno, "removing the folder", folder);
  }

  void make_symlink(const Path& target, const Path& link) override {
    if (::symlink(target.c_str(), link.c_str()) != 0) fail(errno, "making the symbolic link", link);
  }

  void set_mode(const Path& path, mode_t mode) override {
    if (::chmod(path.c_str(), mode) != 0) fail(errno, "setting the mode of", path);
  }

  void set_owner(const Path& path, uid_t owner, gid_t group) override {
    if (::lchown(path.c_str(), owner, group) != 0) fail(errno, "setting the owner of", path);
  }

  void set_modified(const Path& path, Instant time) override {
    const std::int64_t micros = time.unix_microseconds();
    const std::int64_t seconds = micros >= 0 ? micros / 1'000'000 : (micros - 999'999) / 1'000'000;
    timespec times[2]{};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = seconds;
    times[1].tv_nsec = (micros - seconds * 1'000'000) * 1000;
    if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      fail(errno, "setting the time of", path);
  }

 private:
  static int open_retrying(const Path& path, int flags, mode_t mode) {
    int descriptor;
    do {
      descriptor = ::open(path.c_str(), flags, mode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
  }

  static void sync_path(const Path& path, int flag) {
    // An empty path is the parent of a relative name: the current folder.
    const int descriptor = open_retrying(path.empty() ? Path(".") : path, O_RDONLY | O_CLOEXEC | flag, 0);
    if (descriptor < 0) fail(errno, "opening", path);
    try {
      sync_descriptor(descriptor, false, path);
    } catch (...) {
      ::close(descriptor);
      throw;
    }
    ::close(descriptor);
  }
};

}  // namespace

DurableOps& real_ops() {
  static RealOps ops;
  return ops;
}

}  // namespace tidemark::disk
