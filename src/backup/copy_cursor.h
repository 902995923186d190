#pragma once
// Hands out the work of a copy in path order, one extent at a time, to any number of workers, and keeps a few
// units in readiness whose bytes the kernel is already fetching. Any thread.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "backup/data_walk.h"
#include "catalog/parts.h"
#include "disk/file_reader.h"
#include "pgdata/copy_rules.h"

namespace tidemark::backup {

// A file open for copying, shared by the units of its extents.
struct OpenSource {
  disk::InputFile file;
  std::string path;  // relative
  std::optional<pgdata::RelationFile> relation;
};

// One extent, or an entry that has none (folder, link, empty file).
struct CopyUnit {
  std::uint64_t sequence = 0;                // from 0, without holes, in path order
  std::optional<catalog::FileEntry> begins;  // first unit of an entry: the entry without extents
  bool ends = false;                         // last unit of its entry
  std::shared_ptr<const OpenSource> source;  // null: nothing to read
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  std::optional<disk::ReadWindow> window;  // declared after source, which it refers to
};

class CopyCursor {
 public:
  CopyCursor(DataWalk walk, std::size_t look_ahead);
  std::optional<CopyUnit> take();  // nullopt: everything was handed out

 private:
  void refill();
  bool begin_next_entry();
  void push_extent();

  std::mutex mutex_;  // guards everything below
  DataWalk walk_;
  const std::size_t look_ahead_;
  std::deque<CopyUnit> ready_;
  std::uint64_t next_sequence_ = 0;
  bool walked_ = false;
  // The file whose extents are being handed out.
  std::shared_ptr<const OpenSource> source_;
  std::optional<catalog::FileEntry> entry_;
  std::uint64_t size_ = 0, offset_ = 0;
};

// Bytes of the files that a copy would read now; for progress only.
std::uint64_t estimate_bytes(DataWalk walk);

}  // namespace tidemark::backup
