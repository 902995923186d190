#pragma once
// Parts: a backup's files in path order with the place of each extent, some 16,000 extents a part, compact and sequential.
// A file may continue in the next part. Bytes: docs/repository-format.md.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/bytes.h"
#include "tidemark/checksum.h"
#include "tidemark/instant.h"

namespace tidemark::catalog {

inline constexpr std::uint32_t kExtentsPerPart = 16'000;

// Where a frame lies.
struct FrameLocation {
  std::uint32_t owner = 0;        // index in Manifest::owners
  std::uint32_t pack = 0;
  std::uint32_t frame = 0;        // number of the frame in its pack
  std::uint64_t offset = 0;       // of the frame in the pack's bytes
  std::uint32_t stored_bytes = 0; // of the frame
  bool operator==(const FrameLocation&) const = default;
};

// A page patch: blocks of the extent that newer frames replace (incremental backups; none in a full one).
struct PagePatch {
  FrameLocation frame;
  std::vector<std::uint8_t> blocks;  // block numbers within the extent, ascending
  bool operator==(const PagePatch&) const = default;
};

struct Extent {
  Hash128 hash;                   // XXH3-128 of the plain bytes, seeded with the repository's hash seed
  std::uint32_t plain_bytes = 0;  // kExtentBytes, less for the last of a file
  bool zero = false;              // nothing but zeros: no frame at all
  FrameLocation base;
  std::vector<PagePatch> patches;
  bool operator==(const Extent&) const = default;
};

enum class EntryKind : std::uint8_t { file = 0, folder = 1, symlink = 2 };

struct FileEntry {
  EntryKind kind = EntryKind::file;
  std::string path;               // relative to the data directory, '/' separated; tablespaces as pg_tblspc/<oid>/...
  std::uint64_t size_bytes = 0;
  std::uint32_t mode = 0;         // permission bits
  std::string owner, group;       // names; empty when unknown
  Instant modified;
  std::string link_target;        // symlink
  std::uint32_t first_extent = 0; // > 0 when this entry continues a file of the part before
  std::vector<Extent> extents;
  bool operator==(const FileEntry&) const = default;
};

// Writes one part. One thread.
class PartBuilder {
 public:
  PartBuilder();
  // Entries in path order (bytewise). Splits no entry: the caller asks full() between extents, see add_file_extents.
  void add(const FileEntry& entry);
  bool full() const;              // kExtentsPerPart reached
  std::uint32_t extent_count() const;
  bool empty() const;
  const std::string& first_path() const;
  Bytes finish();                 // and begins anew

 private:
  Bytes buffer_;
  std::string first_path_, previous_path_;
  std::uint32_t entry_count_ = 0, extent_count_ = 0;
  FrameLocation previous_;
};

// Reads one part sequentially. `bytes` must outlive it. Errors: corrupt.
class PartReader {
 public:
  explicit PartReader(ByteView bytes);
  std::optional<FileEntry> next();

 private:
  ByteReader reader_;
  std::uint64_t left_ = 0;
  std::string previous_path_;
  FrameLocation previous_;
};

}  // namespace tidemark::catalog
