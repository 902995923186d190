#pragma once
// Reading files that belong to others: the data directory of a running server, objects of a repository.
// Buffered reads; ReadWindow reads ahead and afterwards takes out of the page cache what was not in it
// before, so that a backup does not push the database's working set out of memory. Errors: not_found, corrupt
// where said, else io.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidemark/bytes.h"

namespace tidemark::disk {

using Path = std::filesystem::path;

// An open file; reads go to given places, so that any number of threads may share one. Movable. Opened
// without updating access times where the kernel lets us. Symbolic links are followed.
class InputFile {
 public:
  explicit InputFile(Path path);                               // absent: Error not_found
  static std::optional<InputFile> open_if_present(Path path);  // nullopt: absent, or not a regular file
  ~InputFile();
  InputFile(InputFile&& from) noexcept;
  InputFile& operator=(InputFile&& from) noexcept;

  const Path& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  std::uint64_t size() const;  // as of now

  // As many bytes as the file has from `offset` on, at most to.size(); fewer only at the end.
  std::size_t read_up_to(std::uint64_t offset, std::span<Byte> to) const;
  // All of `to`; a file that ends before is an Error corrupt.
  void read_at(std::uint64_t offset, std::span<Byte> to) const;

  void expect_sequential() const;  // the kernel reads ahead by itself, generously
  // Leaves read-ahead to ReadWindow: without this the kernel's own would fetch pages that no window accounts
  // for.
  void expect_windows() const;

 private:
  InputFile(Path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Path path_;
  int descriptor_ = -1;
};

// A stretch of a file about to be read. Construction notes which of its pages the cache holds and starts
// fetching the rest; destruction drops those again, after the caller has read them. Make the next one before
// reading the present one. `file` must outlive it.
//
// The residence is asked of mincore() on a short-lived mapping: some 10 us a MiB, exact, and it touches no
// page. Linux says "resident" for files that the caller neither owns nor may write: then nothing is dropped,
// which is the safe side.
class ReadWindow {
 public:
  ReadWindow(const InputFile& file, std::uint64_t offset, std::uint64_t length);
  ~ReadWindow();
  ReadWindow(ReadWindow&& from) noexcept;
  ReadWindow& operator=(ReadWindow&& from) noexcept;

  std::uint64_t bytes_fetched() const;  // not in the cache before: what destruction will drop

 private:
  struct Stretch {
    std::uint64_t offset, length;
  };
  void drop() noexcept;
  const InputFile* file_;
  std::vector<Stretch> absent_;
};

// Whole content; a file of more than `limit_bytes` is an Error corrupt.
Bytes read_whole_file(const Path& path, std::uint64_t limit_bytes = 1ULL << 30);
std::optional<Bytes> read_whole_file_if_present(const Path& path, std::uint64_t limit_bytes = 1ULL << 30);
// Files a person or PostgreSQL wrote: PG_VERSION, postmaster.pid, a key file. Content as it is, newline
// included.
std::string read_small_text(const Path& path, std::uint64_t limit_bytes = 1ULL << 20);

}  // namespace tidemark::disk
