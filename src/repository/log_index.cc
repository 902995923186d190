// Merged indexes of finished logs: docs/repository-format.md "Merged log index".
#include <fmt/format.h>

#include "repository/wal_archive.h"
#include "repository/wal_listing.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

constexpr std::uint32_t kVersion = 1;

struct LogSegments {
  wal::SegmentNo first, last;
};

LogSegments segments_of(std::uint32_t log, wal::SegmentSize size) {
  const std::uint64_t first = std::uint64_t{log} * size.per_log();
  return {wal::SegmentNo(first), wal::SegmentNo(first + size.per_log() - 1)};
}

// The whole segments of a finished log in order; empty: it is not finished. Pieces beside them say nothing
// new.
std::vector<WalRange> finished_segments(const WalArchive& archive, TimelineId timeline, std::uint32_t log) {
  const LogSegments wanted = segments_of(log, archive.segment_size());
  std::vector<WalRange> whole;
  bool contiguous = true;
  list_wal_names(
      archive, timeline, name_before(archive, timeline, wanted.first), [&](const ListedWal& object) {
        if (object.parsed.segment > wanted.last) return false;
        if (object.parsed.segment < wanted.first) return true;
        const wal::SegmentNo segment = object.parsed.segment;
        if (object.parsed.kind != wal::RangeKind::segment) {
          // A segment of which there are only pieces: the log is not whole, unless they belong to the one
          // just seen.
          contiguous = contiguous && !whole.empty() && whole.back().segment == segment;
          return contiguous;
        }
        contiguous = contiguous && (whole.empty() || whole.back().segment.next() == segment);
        whole.push_back({wal::RangeKind::segment, timeline, segment, segment.start(archive.segment_size()),
                         segment.end(archive.segment_size()), object.name, object.stored_bytes});
        return contiguous;
      });
  if (!contiguous || whole.empty() || whole.back().segment != wanted.last) return {};
  return whole;
}

}  // namespace

bool WalArchive::log_finished(TimelineId timeline, std::uint32_t log) const {
  return !finished_segments(*this, timeline, log).empty();
}

void WalArchive::store_log_index(TimelineId timeline, std::uint32_t log) {
  const std::string name = catalog::log_index_name(incarnation_, timeline, log, kVersion);
  if (repository_->store().info(name)) return;
  const std::vector<WalRange> ranges = finished_segments(*this, timeline, log);
  if (ranges.empty()) return;
  wal::WalIndex merged = read_index(ranges.front());
  for (std::size_t i = 1; i < ranges.size(); ++i) merged.append(read_index(ranges[i]));
  repository_->put(codec::ObjectKind::log_index, name, merged.serialize());
}

bool WalArchive::has_log_index(TimelineId timeline, std::uint32_t log) const {
  return repository_->store()
      .info(catalog::log_index_name(incarnation_, timeline, log, kVersion))
      .has_value();
}

std::optional<wal::WalIndex> WalArchive::read_log_index(TimelineId timeline, std::uint32_t log) const {
  const std::string name = catalog::log_index_name(incarnation_, timeline, log, kVersion);
  const auto content = repository_->find(codec::ObjectKind::log_index, name);
  if (!content) return std::nullopt;
  try {
    return wal::WalIndex::parse(*content);
  } catch (Error& error) {
    error.add_context(fmt::format("reading {}", name));
    throw;
  }
}

}  // namespace tidemark::repository
