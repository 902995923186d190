#pragma once
// Judges the pages of extents as they are copied, by PostgreSQL's rule made stricter
// (pgdata/page_checksum.h). A page that looks bad is read once more: a torn read of a page just being written
// heals that way. Any thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "backup/copy_cursor.h"
#include "catalog/manifest.h"

namespace tidemark::backup {

inline constexpr std::size_t kNamedBadPages = 1000;

struct PageRules {
  bool checksums = false;
  std::uint32_t block_bytes = 8192;
  std::uint32_t relation_segment_blocks = 131072;
  Lsn backup_start;
  Lsn insert_lsn;  // the server's position when the copy began
};

class PageInspector {
 public:
  // `ask_insert_lsn` asks the server; it is called by workers, one at a time, when a page claims to be newer
  // than what is known.
  PageInspector(const PageRules& rules, std::function<Lsn()> ask_insert_lsn);

  // `plain`: the bytes at unit.offset, as many of them as the file had; pages that were read again are
  // replaced in it.
  void inspect(const CopyUnit& unit, std::span<Byte> plain);

  void note_insert_lsn(Lsn lsn);
  std::uint32_t bad_page_count() const { return bad_pages_.load(); }
  std::vector<catalog::BadPage> take_bad_pages();  // by path, block; at most kNamedBadPages

 private:
  bool page_is_bad(ByteView page, std::uint32_t block, bool& asked);
  void record(const CopyUnit& unit, ByteView page, std::uint32_t block);

  const PageRules rules_;
  const std::function<Lsn()> ask_insert_lsn_;
  std::atomic<std::uint64_t> insert_lsn_;
  std::atomic<std::uint32_t> bad_pages_{0};
  std::mutex asking_;  // one question to the server at a time
  std::mutex mutex_;   // guards named_
  std::vector<catalog::BadPage> named_;
};

}  // namespace tidemark::backup
