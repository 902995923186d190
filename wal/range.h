#pragma once
// WAL ranges of one segment and how they join: full segments, pieces and the growing open object overlap
// legally; readers take the longest contiguous cover and insist that bytes held twice are the same.

#include <cstdint>
#include <vector>

#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::wal {

enum class RangeKind : std::uint8_t { segment, piece, open };

struct RangeExtent {
  RangeKind kind = RangeKind::segment;
  Lsn start, end;          // end of an open object is where its valid prefix ends
  std::size_t source = 0;  // the caller's index of the object
  bool operator==(const RangeExtent&) const = default;
};

// One step of a cover: take [from, to) of `source`.
struct CoverStep {
  std::size_t source = 0;
  Lsn from, to;
  bool operator==(const CoverStep&) const = default;
};

// Longest contiguous cover of [begin, limit) from `begin` on, with the fewest objects (a full segment is
// taken alone). Ends before `limit` when there is a hole; empty when nothing covers `begin`.
std::vector<CoverStep> contiguous_cover(std::vector<RangeExtent> ranges, Lsn begin, Lsn limit);

// Every stretch that two ranges both hold, so that a reader can compare them byte by byte.
struct Overlap {
  std::size_t first = 0, second = 0;  // their `source`
  Lsn from, to;
};
std::vector<Overlap> overlaps(const std::vector<RangeExtent>& ranges);

}  // namespace tidemark::wal
