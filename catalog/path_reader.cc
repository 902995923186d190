#include "catalog/path_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

template <typename Item>
void clip(std::vector<Item>& items, Lsn from, Lsn to) {
  std::erase_if(items, [&](const Item& item) { return item.end <= from || item.end > to; });
}

// The last record that is known by itself, when the row's own last one was left out.
template <typename Item>
void take_last(wal::WalIndex& index, const std::vector<Item>& items) {
  if (items.empty() || items.back().start < index.last_record) return;
  index.last_record = items.back().start;
  index.last_record_end = items.back().end;
}

[[noreturn]] void throw_no_index(const CoverPiece& piece, Lsn at) {
  throw Error(ErrorKind::refused,
              fmt::format("the WAL of timeline {} is archived at {}, but nothing tells what is in it",
                          piece.timeline.value(), at.to_string()))
      .code("wal_missing")
      .hint("run `tidemark verify`: it reads the WAL again and names what is damaged");
}

}  // namespace

bool PathReader::Row::may_have_ends() const { return !row.summarized || row.latest.has_value(); }

bool PathReader::Row::may_end_after(Instant time) const {
  return !row.summarized || (row.latest.has_value() && *row.latest > time);
}

bool PathReader::Row::may_end_by(Instant time) const {
  return !row.summarized || (row.earliest.has_value() && *row.earliest <= time);
}

PathReader::PathReader(const std::vector<CoverPiece>& cover, IndexSource& source) : source_(source) {
  for (const CoverPiece& piece : cover) add_piece(piece);
}

void PathReader::add_piece(const CoverPiece& piece) {
  Lsn at = piece.from;
  for (IndexSource::Row& row : source_.rows(piece.timeline, piece.from, piece.to)) {
    if (row.end <= at || at >= piece.to) continue;
    if (row.start > at) throw_no_index(piece, at);
    const Lsn to = std::min(row.end, piece.to);
    const bool clipped = row.start < at || row.end > to;
    rows_.push_back({std::move(row), at, to, clipped});
    at = to;
  }
  if (at < piece.to) throw_no_index(piece, at);
}

const wal::WalIndex& PathReader::load(std::size_t row) {
  if (loaded_ == row) return index_;
  loaded_.reset();
  index_ = source_.load(rows_.at(row).row);
  if (rows_[row].clipped) clip_index(index_, rows_[row].from, rows_[row].to);
  loaded_ = row;
  return index_;
}

std::size_t PathReader::row_behind(Lsn lsn) const {
  const auto at =
      std::partition_point(rows_.begin(), rows_.end(), [&](const Row& row) { return row.to <= lsn; });
  return static_cast<std::size_t>(at - rows_.begin());
}

void clip_index(wal::WalIndex& index, Lsn from, Lsn to) {
  clip(index.ends, from, to);
  clip(index.prepares, from, to);
  clip(index.restore_points, from, to);
  clip(index.events, from, to);
  index.start = std::max(index.start, from);
  index.end = std::min(index.end, to);
  if (index.last_record_end <= from || index.last_record_end > to) {
    index.last_record = index.last_record_end = Lsn();
    take_last(index, index.ends);
    take_last(index, index.prepares);
    take_last(index, index.restore_points);
    take_last(index, index.events);
    index.unfinished = Lsn();
  }
  index.earliest.reset();
  index.latest.reset();
  for (const wal::TransactionEnd& end : index.ends) {
    index.earliest = index.earliest ? std::min(*index.earliest, end.time) : end.time;
    index.latest = index.latest ? std::max(*index.latest, end.time) : end.time;
  }
}

}  // namespace tidemark::catalog
