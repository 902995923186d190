#include "backup/copy_cursor.h"

#include <algorithm>

#include "backup/account_names.h"
#include "catalog/manifest.h"

namespace tidemark::backup {

namespace {

catalog::FileEntry entry_of(const WalkItem& item) {
  catalog::FileEntry entry;
  entry.kind = item.kind;
  entry.path = item.path;
  entry.mode = static_cast<std::uint32_t>(item.status.mode);
  entry.owner = user_name(item.status.owner);
  entry.group = group_name(item.status.group);
  entry.modified = item.status.modified;
  entry.link_target = item.link_target;
  return entry;
}

}  // namespace

CopyCursor::CopyCursor(DataWalk walk, std::size_t look_ahead)
    : walk_(std::move(walk)), look_ahead_(look_ahead) {}

std::optional<CopyUnit> CopyCursor::take() {
  const std::lock_guard lock(mutex_);
  refill();
  if (ready_.empty()) return std::nullopt;
  CopyUnit unit = std::move(ready_.front());
  ready_.pop_front();
  return unit;
}

void CopyCursor::refill() {
  while (ready_.size() < look_ahead_) {
    if (source_) {
      push_extent();
    } else if (!begin_next_entry()) {
      return;
    }
  }
}

// False at the end of the walk. The size seen now is the one promised: what the file grows by later, WAL
// brings.
bool CopyCursor::begin_next_entry() {
  if (walked_) return false;
  const auto item = walk_.next();
  if (!item) {
    walked_ = true;
    return false;
  }
  catalog::FileEntry entry = entry_of(*item);
  if (item->kind == catalog::EntryKind::file) {
    auto file = disk::InputFile::open_if_present(item->source);
    if (!file) return true;  // vanished
    entry.size_bytes = file->size();
    if (entry.size_bytes > 0) {
      file->expect_windows();
      size_ = entry.size_bytes;
      offset_ = 0;
      source_ = std::make_shared<OpenSource>(
          OpenSource{std::move(*file), item->path, pgdata::parse_relation_path(item->path)});
      entry_ = std::move(entry);
      return true;
    }
  }
  CopyUnit unit;
  unit.sequence = next_sequence_++;
  unit.begins = std::move(entry);
  unit.ends = true;
  ready_.push_back(std::move(unit));
  return true;
}

void CopyCursor::push_extent() {
  CopyUnit unit;
  unit.sequence = next_sequence_++;
  unit.begins = std::exchange(entry_, std::nullopt);
  unit.source = source_;
  unit.offset = offset_;
  unit.length = static_cast<std::uint32_t>(std::min<std::uint64_t>(catalog::kExtentBytes, size_ - offset_));
  unit.window.emplace(source_->file, unit.offset, unit.length);
  offset_ += unit.length;
  unit.ends = offset_ == size_;
  if (unit.ends) source_.reset();
  ready_.push_back(std::move(unit));
}

std::uint64_t estimate_bytes(DataWalk walk) {
  std::uint64_t total = 0;
  while (const auto item = walk.next()) {
    if (item->kind == catalog::EntryKind::file) total += item->status.size_bytes;
  }
  return total;
}

}  // namespace tidemark::backup
