#include "backup/part_assembler.h"

#include "tidemark/checksum.h"
#include "tidemark/error.h"

namespace tidemark::backup {

namespace {

constexpr std::uint32_t kEntriesPerPart =
    catalog::kExtentsPerPart;  // folders and empty files have no extents

}  // namespace

PartAssembler::PartAssembler(std::vector<BackupTarget*> targets)
    : targets_(std::move(targets)), open_(targets_.size()) {}

void PartAssembler::deliver(CopiedUnit unit) {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [&] { return error_ || unit.sequence < next_ + kPendingUnits; });
  if (error_) std::rethrow_exception(error_);
  const std::uint64_t sequence = unit.sequence;
  pending_.emplace(sequence, std::move(unit));
  if (sequence != next_) return;
  for (auto head = pending_.begin(); head != pending_.end() && head->first == next_;
       head = pending_.begin()) {
    take(head->second);
    pending_.erase(head);
    ++next_;
  }
  moved_.notify_all();
}

void PartAssembler::fail(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  moved_.notify_all();
}

void PartAssembler::take(CopiedUnit& unit) {
  if (unit.begins) {
    if (unit.begins->kind == catalog::EntryKind::file) ++totals_.files;
    totals_.bytes += unit.begins->size_bytes;
    for (Open& open : open_) open.entry = *unit.begins;
  }
  if (!unit.extents.empty()) ++totals_.extents;
  for (std::size_t target = 0; target < targets_.size(); ++target) {
    if (!unit.extents.empty()) take_extent(target, unit.extents[target], unit.ends);
    if (unit.ends) add_entry(target);
  }
}

void PartAssembler::take_extent(std::size_t target, catalog::Extent& extent, bool ends) {
  Open& open = open_[target];
  targets_[target]->count_extent(extent);
  open.entry.extents.push_back(std::move(extent));
  const std::size_t extents = open.entry.extents.size();
  if (ends || extents < open.builder.room()) return;
  // The file goes on in the next part.
  const std::uint32_t first_extent = open.entry.first_extent + static_cast<std::uint32_t>(extents);
  add_entry(target);
  open.entry.first_extent = first_extent;
  open.entry.extents.clear();
}

void PartAssembler::add_entry(std::size_t target) {
  Open& open = open_[target];
  open.builder.add(open.entry);
  if (open.builder.full()) flush_part(target);
}

void PartAssembler::flush_part(std::size_t target) {
  Open& open = open_[target];
  if (open.builder.empty()) return;
  BackupTarget& to = *targets_[target];
  catalog::PartInfo info;
  info.number = to.next_part_number();
  info.first_path = open.builder.first_path();
  FinishedPart part{info.number, open.builder.finish()};
  info.hash = xxh3_128(part.bytes, to.hash_seed());
  to.note_part(std::move(info));
  if (!to.queue().push(std::move(part)))
    throw Error(ErrorKind::internal, "the queue of parts was closed too early");
}

CopyTotals PartAssembler::finish() {
  const std::lock_guard lock(mutex_);
  TIDEMARK_CHECK(pending_.empty());
  for (std::size_t target = 0; target < targets_.size(); ++target) flush_part(target);
  return totals_;
}

}  // namespace tidemark::backup
