#include "repository/wal_cover.h"

#include <fmt/format.h>

#include "catalog/path_reader.h"
#include "repository/wal_listing.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::repository {
namespace {

void clip(wal::WalIndex& index, Lsn from, Lsn to) {
  if (index.start < from || index.end > to) catalog::clip_index(index, from, to);
}

std::optional<wal::WalIndex> merged_index(const WalArchive& archive, TimelineId timeline, Lsn from, Lsn to) {
  try {
    auto merged = archive.read_log_index(timeline, log_of(from));
    if (!merged || merged->start > from || merged->end < to) return std::nullopt;
    clip(*merged, from, to);
    return merged;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::mismatch) throw;
    log_warning("repository", fmt::format("{}; the ranges' own indexes are used", error.what()));
    return std::nullopt;
  }
}

wal::WalIndex join(const WalArchive& archive, TimelineId timeline, Lsn from, Lsn to) {
  const auto cover = cover_of(archive, timeline, from, to);
  if (cover.empty() || cover.back().to < to) {
    throw Error(
        ErrorKind::corrupt,
        fmt::format("WAL of timeline {} from {} on is missing in repository {}", timeline.value(),
                    (cover.empty() ? from : cover.back().to).to_string(), archive.repository().name()))
        .code("wal_missing")
        .hint("run tidemark verify to see what is missing");
  }
  wal::WalIndex joined = read_index_of(archive, cover.front());
  for (std::size_t i = 1; i < cover.size(); ++i) joined.append(read_index_of(archive, cover[i]));
  return joined;
}

}  // namespace

std::vector<CoveredRange> cover_of(const std::vector<WalRange>& ranges, Lsn from, Lsn to) {
  std::vector<CoveredRange> cover;
  for (const wal::CoverStep& step : wal::contiguous_cover(extents_of(ranges), from, to)) {
    cover.push_back({ranges[step.source], step.from, step.to});
  }
  return cover;
}

std::vector<CoveredRange> cover_of(const WalArchive& archive, TimelineId timeline, Lsn from, Lsn to) {
  if (from >= to) return {};
  const wal::SegmentSize size = archive.segment_size();
  return cover_of(
      list_segments(archive, timeline, wal::segment_of_start(from, size), wal::segment_of_end(to, size)),
      from, to);
}

wal::WalIndex read_index_of(const WalArchive& archive, const CoveredRange& covered) {
  wal::WalIndex index = archive.read_index(covered.range);
  clip(index, covered.from, covered.to);
  return index;
}

wal::WalIndex read_joined_index(const WalArchive& archive, TimelineId timeline, Lsn from, Lsn to) {
  if (auto merged = merged_index(archive, timeline, from, to)) return std::move(*merged);
  return with_fresh_listing([&] { return join(archive, timeline, from, to); });
}

}  // namespace tidemark::repository
