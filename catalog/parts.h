#pragma once
// Parts: a backup's files in path order with the place of each extent, some 16,000 extents a part, compact
// and sequential. A file may continue in the next part. Bytes: docs/repository-format.md.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/records.h"
#include "tidemark/bytes.h"
#include "tidemark/checksum.h"
#include "tidemark/instant.h"

namespace tidemark::catalog {

inline constexpr std::uint32_t kExtentsPerPart = 16'000;

// Where a frame lies.
struct FrameLocation {
  std::uint32_t owner = 0;  // index in Manifest::owners
  std::uint32_t pack = 0;
  std::uint32_t frame = 0;         // number of the frame in its pack
  std::uint64_t offset = 0;        // of the frame in the pack's bytes
  std::uint32_t stored_bytes = 0;  // of the frame
  bool operator==(const FrameLocation&) const = default;
};

// A page patch: blocks of the extent that newer frames replace (incremental backups; none in a full one).
struct PagePatch {
  FrameLocation frame;
  std::vector<std::uint8_t> blocks;  // block numbers within the extent, ascending
  bool operator==(const PagePatch&) const = default;
};

struct Extent {
  Hash128 hash;  // XXH3-128 of the plain bytes, seeded with the repository's hash seed; 0 when zero is set
  std::uint32_t plain_bytes = 0;  // kExtentBytes, less for the last of a file
  bool zero = false;              // nothing but zeros: no frame at all
  FrameLocation base;
  std::vector<PagePatch> patches;
  bool operator==(const Extent&) const = default;
};

enum class EntryKind : std::uint8_t { file = 0, folder = 1, symlink = 2 };

struct FileEntry {
  EntryKind kind = EntryKind::file;
  std::string path;  // relative to the data directory, '/' separated; tablespaces as pg_tblspc/<oid>/...
  std::uint64_t size_bytes = 0;
  std::uint32_t mode = 0;    // permission bits
  std::string owner, group;  // names; empty when unknown
  Instant modified;
  std::string link_target;         // symlink
  std::uint32_t first_extent = 0;  // > 0 when this entry continues a file of the part before
  std::vector<Extent> extents;
  bool operator==(const FileEntry&) const = default;
};

// What the next entry and the next extent of a part are coded against.
struct PartContext {
  std::string path;
  std::uint32_t mode = 0;
  std::string owner, group;
  Instant modified;
  FrameLocation base, patch;
};

// Writes one part. One thread.
class PartBuilder {
 public:
  PartBuilder();
  // Entries in path order (bytewise; Error internal otherwise). Splits no entry: a caller with more extents
  // than room() cuts the entry and adds the rest to the next part with first_extent set.
  void add(const FileEntry& entry);
  bool full() const;           // kExtentsPerPart extents, or as many entries, reached
  std::uint32_t room() const;  // extents until full
  std::uint32_t extent_count() const;
  bool empty() const;
  const std::string& first_path() const;
  Bytes finish();  // and begins anew

 private:
  Bytes buffer_, body_;
  std::string first_path_;
  std::uint32_t entry_count_ = 0, extent_count_ = 0;
  PartContext previous_;
};

// Reads one part sequentially. `bytes` must outlive it. Errors: corrupt (also for paths that would leave the
// directory).
class PartReader {
 public:
  explicit PartReader(ByteView bytes);
  std::optional<FileEntry> next();

 private:
  FileEntry read_entry(ByteReader& body);

  RecordReader records_;
  std::uint64_t entries_left_ = 0, extents_left_ = 0;
  bool first_ = true;
  PartContext previous_;
};

}  // namespace tidemark::catalog
