#include "archive/idle_proofs.h"

#include <algorithm>

namespace tidemark::archive {
namespace {

constexpr std::uint64_t kPageBytes = 8192;
constexpr std::uint64_t kShortHeader = 24;
constexpr std::uint64_t kLongHeader = 40;
constexpr std::size_t kPendingLimit = 1024;

}  // namespace

Lsn needed_below(Lsn insert_position, wal::SegmentSize segment_size) {
  const std::uint64_t in_segment = insert_position.value() % segment_size.bytes();
  if (in_segment == kLongHeader) return insert_position - kLongHeader;
  if (in_segment > kPageBytes && in_segment % kPageBytes == kShortHeader)
    return insert_position - kShortHeader;
  return insert_position;
}

void IdleProofs::saw(Instant clock, Lsn position) {
  if (!pending_.empty() && pending_.back().position >= position) {
    // The same place later is the stronger proof. A place before: the server lost WAL; what was seen proves
    // nothing now.
    if (pending_.back().position > position) pending_.clear();
    if (!pending_.empty()) {
      pending_.back().time = std::max(pending_.back().time, clock);
      return;
    }
  }
  // Full: a middle one goes, as the first is the one that becomes valid soonest and the last proves most.
  if (pending_.size() == kPendingLimit) pending_.erase(pending_.begin() + kPendingLimit / 2);
  pending_.push_back({clock, position});
}

void IdleProofs::settle(TimelineId timeline, Lsn durable, Lsn received, bool ends_durable) {
  while (!pending_.empty()) {
    const Pending& first = pending_.front();
    const bool covered = first.position <= durable;
    if (!covered && !(ends_durable && first.position <= received)) return;
    const Lsn at = std::min(first.position, durable);
    if (!newest_ || newest_->timeline < timeline || newest_->time < first.time) {
      newest_ = catalog::IdleProof{.time = first.time, .lsn = at, .timeline = timeline};
    }
    pending_.pop_front();
  }
}

}  // namespace tidemark::archive
