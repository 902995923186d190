#include "disk/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "tidemark/error.h"

namespace tidemark::disk {

namespace {

// -1 with errno. O_NOATIME is refused with EPERM on files of other owners. O_NONBLOCK: opening a FIFO must
// not wait; it means nothing for regular files.
int open_for_reading(const Path& path) {
  int flags = O_RDONLY | O_CLOEXEC | O_NOATIME | O_NONBLOCK;
  for (;;) {
    const int descriptor = ::open(path.c_str(), flags);
    if (descriptor >= 0) return descriptor;
    if (errno == EPERM && (flags & O_NOATIME) != 0) {
      flags &= ~O_NOATIME;
    } else if (errno != EINTR) {
      return -1;
    }
  }
}

bool is_regular(int descriptor, const Path& path) {
  struct stat found {};
  if (::fstat(descriptor, &found) != 0) throw errno_error(errno, fmt::format("looking at {}", path.string()));
  return S_ISREG(found.st_mode);
}

Bytes read_all(const InputFile& file, std::uint64_t limit_bytes) {
  // A size of 0 may be a lie (/proc), and a file may grow meanwhile: read until a read finds nothing more.
  Bytes content;
  std::uint64_t expected = std::min(file.size(), limit_bytes);
  for (;;) {
    const std::size_t have = content.size();
    content.resize(std::max<std::size_t>(expected, have) + 4096);
    const std::size_t found = file.read_up_to(have, std::span(content).subspan(have));
    content.resize(have + found);
    if (content.size() > limit_bytes) {
      throw Error(ErrorKind::corrupt, fmt::format("{} has more than the {} bytes it may have",
                                                  file.path().string(), limit_bytes));
    }
    if (found == 0) return content;
    expected = content.size();
  }
}

std::uint64_t page_size() {
  static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace

InputFile::InputFile(Path path) : path_(std::move(path)), descriptor_(open_for_reading(path_)) {
  if (descriptor_ < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    throw Error(ErrorKind::not_found, fmt::format("the file {} does not exist", path_.string()));
  }
  if (descriptor_ < 0) throw errno_error(errno, fmt::format("opening {}", path_.string()));
}

std::optional<InputFile> InputFile::open_if_present(Path path) {
  const int descriptor = open_for_reading(path);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw errno_error(errno, fmt::format("opening {}", path.string()));
  }
  InputFile file(std::move(path), descriptor);
  if (!is_regular(descriptor, file.path_)) return std::nullopt;
  return file;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

InputFile::InputFile(InputFile&& from) noexcept
    : path_(std::move(from.path_)), descriptor_(std::exchange(from.descriptor_, -1)) {}

InputFile& InputFile::operator=(InputFile&& from) noexcept {
  std::swap(path_, from.path_);
  std::swap(descriptor_, from.descriptor_);
  return *this;
}

std::uint64_t InputFile::size() const {
  struct stat found {};
  if (::fstat(descriptor_, &found) != 0)
    throw errno_error(errno, fmt::format("looking at {}", path_.string()));
  return static_cast<std::uint64_t>(found.st_size);
}

std::size_t InputFile::read_up_to(std::uint64_t offset, std::span<Byte> to) const {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t got =
        ::pread(descriptor_, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw errno_error(errno, fmt::format("reading {} at byte {}", path_.string(), offset + done));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void InputFile::read_at(std::uint64_t offset, std::span<Byte> to) const {
  const std::size_t found = read_up_to(offset, to);
  if (found == to.size()) return;
  throw Error(ErrorKind::corrupt,
              fmt::format("{} is shorter than expected: {} bytes wanted at byte {}, {} found", path_.string(),
                          to.size(), offset, found));
}

void InputFile::expect_sequential() const { ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL); }
void InputFile::expect_windows() const { ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_RANDOM); }

ReadWindow::ReadWindow(const InputFile& file, std::uint64_t offset, std::uint64_t length) : file_(&file) {
  const std::uint64_t size = file.size();
  const std::uint64_t first = offset / page_size() * page_size();
  const std::uint64_t end = std::min(offset + length, size);
  if (end <= first) return;
  const std::size_t span = end - first;
  std::vector<unsigned char> resident((span + page_size() - 1) / page_size());
  void* map = ::mmap(nullptr, span, PROT_READ, MAP_SHARED, file.descriptor(), static_cast<off_t>(first));
  if (map == MAP_FAILED) return;  // file systems without mappings: read plainly, drop nothing
  const bool known = ::mincore(map, span, resident.data()) == 0;
  ::munmap(map, span);
  if (!known) return;
  for (std::size_t page = 0; page < resident.size(); ++page) {
    if ((resident[page] & 1) != 0) continue;
    const std::uint64_t at = first + page * page_size();
    if (!absent_.empty() && absent_.back().offset + absent_.back().length == at) {
      absent_.back().length += page_size();
    } else {
      absent_.push_back({at, page_size()});
    }
  }
  for (const Stretch& stretch : absent_) {
    ::posix_fadvise(file.descriptor(), static_cast<off_t>(stretch.offset), static_cast<off_t>(stretch.length),
                    POSIX_FADV_WILLNEED);
  }
}

void ReadWindow::drop() noexcept {
  for (const Stretch& stretch : absent_) {
    ::posix_fadvise(file_->descriptor(), static_cast<off_t>(stretch.offset),
                    static_cast<off_t>(stretch.length), POSIX_FADV_DONTNEED);
  }
  absent_.clear();
}

ReadWindow::~ReadWindow() { drop(); }

ReadWindow::ReadWindow(ReadWindow&& from) noexcept
    : file_(from.file_), absent_(std::exchange(from.absent_, {})) {}

ReadWindow& ReadWindow::operator=(ReadWindow&& from) noexcept {
  if (this == &from) return *this;
  drop();
  file_ = from.file_;
  absent_ = std::exchange(from.absent_, {});
  return *this;
}

std::uint64_t ReadWindow::bytes_fetched() const {
  std::uint64_t total = 0;
  for (const Stretch& stretch : absent_) total += stretch.length;
  return total;
}

Bytes read_whole_file(const Path& path, std::uint64_t limit_bytes) {
  return read_all(InputFile(path), limit_bytes);
}

std::optional<Bytes> read_whole_file_if_present(const Path& path, std::uint64_t limit_bytes) {
  const auto file = InputFile::open_if_present(path);
  if (!file) return std::nullopt;
  return read_all(*file, limit_bytes);
}

std::string read_small_text(const Path& path, std::uint64_t limit_bytes) {
  return std::string(as_text(read_whole_file(path, limit_bytes)));
}

}  // namespace tidemark::disk
