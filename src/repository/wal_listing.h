#pragma once
// What lies below a timeline's folder, by names.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "repository/wal_archive.h"
#include "tidemark/error.h"

namespace tidemark::repository {

struct ListedWal {
  catalog::WalObjectName parsed;
  std::string name;
  std::uint64_t stored_bytes = 0;
};

// In the names' order, after `after` (a full name or empty), until `take` says false. Other objects are
// passed over.
void list_wal_names(const WalArchive& archive, TimelineId timeline, const std::string& after,
                    const std::function<bool(ListedWal)>& take);

// Ranges of the segments [first, last], open ones read for their end. An object that vanishes between listing
// and reading was superseded by one that the listing had passed already, so everything is listed again then.
std::vector<WalRange> list_segments(const WalArchive& archive, TimelineId timeline, wal::SegmentNo first,
                                    wal::SegmentNo last);
std::vector<WalRange> list_ranges(const WalArchive& archive, TimelineId timeline, const std::string& after,
                                  wal::SegmentNo last);

// Where to begin listing so that everything of `segment` is seen.
std::string name_before(const WalArchive& archive, TimelineId timeline, wal::SegmentNo segment);

std::vector<wal::RangeExtent> extents_of(const std::vector<WalRange>& ranges);

codec::ObjectKind object_kind(wal::RangeKind kind);
Error vanished(const WalRange& range);  // Error not_found/"superseded"
inline constexpr int kListingAttempts = 5;

// Runs `work` again while it throws not_found/"superseded".
template <typename Work>
auto with_fresh_listing(Work work) {
  for (int attempt = 1;; ++attempt) {
    try {
      return work();
    } catch (const Error& error) {
      if (error.code() != "superseded" || attempt == kListingAttempts) throw;
    }
  }
}

}  // namespace tidemark::repository
