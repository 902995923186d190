#include "backup/page_inspector.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "pgdata/page_checksum.h"
#include "tidemark/log.h"

namespace tidemark::backup {

PageInspector::PageInspector(const PageRules& rules, std::function<Lsn()> ask_insert_lsn)
    : rules_(rules), ask_insert_lsn_(std::move(ask_insert_lsn)), insert_lsn_(rules.insert_lsn.value()) {}

void PageInspector::note_insert_lsn(Lsn lsn) {
  std::uint64_t known = insert_lsn_.load();
  while (lsn.value() > known && !insert_lsn_.compare_exchange_weak(known, lsn.value())) {
  }
}

void PageInspector::inspect(const CopyUnit& unit, std::span<Byte> plain) {
  if (!rules_.checksums || !unit.source || !unit.source->relation) return;
  const std::size_t block_bytes = rules_.block_bytes;
  const std::uint32_t first = unit.source->relation->segment * rules_.relation_segment_blocks +
                              static_cast<std::uint32_t>(unit.offset / block_bytes);
  bool asked = false;  // garbage positions must not cost a question to the server each
  // A part of a block at the end belongs to a page that is just being added: WAL brings it.
  for (std::size_t at = 0; at + block_bytes <= plain.size(); at += block_bytes) {
    const std::uint32_t block = first + static_cast<std::uint32_t>(at / block_bytes);
    const std::span<Byte> page = plain.subspan(at, block_bytes);
    if (!page_is_bad(page, block, asked)) continue;
    const std::size_t found = unit.source->file.read_up_to(unit.offset + at, page);
    std::fill(page.begin() + static_cast<std::ptrdiff_t>(found), page.end(),
              Byte{0});  // the file was cut meanwhile
    if (found == block_bytes && page_is_bad(page, block, asked)) record(unit, page, block);
  }
}

bool PageInspector::page_is_bad(ByteView page, std::uint32_t block, bool& asked) {
  const auto judge = [&] {
    return pgdata::judge_page(page, block, rules_.backup_start, Lsn(insert_lsn_.load())) ==
           pgdata::PageVerdict::bad;
  };
  if (!judge()) return false;
  if (asked || pgdata::page_lsn(page).value() <= insert_lsn_.load()) return true;
  {
    const std::lock_guard lock(asking_);
    note_insert_lsn(ask_insert_lsn_());
  }
  asked = true;
  return judge();
}

void PageInspector::record(const CopyUnit& unit, ByteView page, std::uint32_t block) {
  const std::uint32_t nth = ++bad_pages_;
  catalog::BadPage bad;
  bad.path = unit.source->path;
  bad.block = block;
  bad.found = pgdata::stored_page_checksum(page);
  bad.expected = pgdata::page_checksum(page, block);
  bad.page_lsn = pgdata::page_lsn(page);
  constexpr std::uint32_t kLoggedSingly = 10;
  if (nth <= kLoggedSingly) {
    log_warning(
        "backup",
        fmt::format("bad page: block {} of {} has checksum {:04x} instead of {:04x}, LSN {}; it is stored "
                    "as it is",
                    bad.block, bad.path, bad.found, bad.expected, bad.page_lsn.to_string()));
  }
  const std::lock_guard lock(mutex_);
  if (named_.size() < kNamedBadPages) named_.push_back(std::move(bad));
}

std::vector<catalog::BadPage> PageInspector::take_bad_pages() {
  const std::lock_guard lock(mutex_);
  std::sort(named_.begin(), named_.end(), [](const catalog::BadPage& one, const catalog::BadPage& other) {
    return std::tie(one.path, one.block) < std::tie(other.path, other.block);
  });
  return std::move(named_);
}

}  // namespace tidemark::backup
