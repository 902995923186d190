#include "wal/range.h"

#include <algorithm>

namespace tidemark::wal {
namespace {

// Of two that reach equally far a full segment is best: it is stored in large frames and outlives the others.
bool better(const RangeExtent& left, const RangeExtent& right) {
  if (left.end != right.end) return left.end > right.end;
  if (left.kind != right.kind) return left.kind == RangeKind::segment || right.kind == RangeKind::piece;
  return left.source < right.source;
}

}  // namespace

std::vector<CoverStep> contiguous_cover(std::vector<RangeExtent> ranges, Lsn begin, Lsn limit) {
  // Compared by what they bring below the limit, so that a piece reaching beyond it does not beat the full
  // segment.
  for (RangeExtent& range : ranges) range.end = std::min(range.end, limit);
  std::stable_sort(ranges.begin(), ranges.end(), [](const RangeExtent& left, const RangeExtent& right) {
    return left.start < right.start;
  });
  std::vector<CoverStep> cover;
  Lsn at = begin;
  std::size_t next = 0;
  const RangeExtent* best = nullptr;
  while (at < limit) {
    for (; next < ranges.size() && ranges[next].start <= at; ++next) {
      if (best == nullptr || better(ranges[next], *best)) best = &ranges[next];
    }
    if (best == nullptr || best->end <= at) break;
    cover.push_back({best->source, at, best->end});
    at = best->end;
  }
  return cover;
}

std::vector<Overlap> overlaps(const std::vector<RangeExtent>& ranges) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].start < ranges[i].end) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) {
    return ranges[left].start < ranges[right].start;
  });
  std::vector<Overlap> found;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const RangeExtent& left = ranges[order[i]];
    for (std::size_t j = i + 1; j < order.size() && ranges[order[j]].start < left.end; ++j) {
      const RangeExtent& right = ranges[order[j]];
      found.push_back({left.source, right.source, right.start, std::min(left.end, right.end)});
    }
  }
  return found;
}

}  // namespace tidemark::wal
