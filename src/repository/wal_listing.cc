#include "repository/wal_listing.h"

#include <fmt/format.h>

#include <limits>

#include "repository/open_object.h"
#include "tidemark/error.h"

namespace tidemark::repository {

void list_wal_names(const WalArchive& archive, TimelineId timeline, const std::string& after,
                    const std::function<bool(ListedWal)>& take) {
  const catalog::Incarnation& incarnation = archive.incarnation();
  archive.repository().store().list(
      catalog::timeline_folder(incarnation, timeline), after, [&](const ObjectInfo& object) {
        const auto parsed = catalog::parse_wal_object_name(incarnation, object.name, archive.segment_size());
        return !parsed || take({*parsed, object.name, object.size_bytes});
      });
}

std::string name_before(const WalArchive& archive, TimelineId timeline, wal::SegmentNo segment) {
  if (segment.value() == 0) return {};
  return catalog::segment_name(archive.incarnation(), timeline, wal::SegmentNo(segment.value() - 1),
                               archive.segment_size());
}

codec::ObjectKind object_kind(wal::RangeKind kind) {
  switch (kind) {
    case wal::RangeKind::segment:
      return codec::ObjectKind::wal_segment;
    case wal::RangeKind::piece:
      return codec::ObjectKind::wal_piece;
    case wal::RangeKind::open:
      return codec::ObjectKind::wal_open;
  }
  throw Error(ErrorKind::internal, "an unknown kind of WAL range");
}

Error vanished(const WalRange& range) {
  return Error(ErrorKind::not_found, fmt::format("WAL range {} was there and is gone", range.name))
      .code("superseded")
      .hint("try again; if it stays so, run tidemark verify");
}

namespace {

WalRange range_of(const WalArchive& archive, ListedWal listed) {
  const wal::SegmentSize size = archive.segment_size();
  const catalog::WalObjectName& parsed = listed.parsed;
  WalRange range{parsed.kind, parsed.timeline,        parsed.segment,     parsed.start,
                 parsed.end,  std::move(listed.name), listed.stored_bytes};
  if (range.kind == wal::RangeKind::segment) {
    range.start = range.segment.start(size);
    range.end = range.segment.end(size);
  } else if (range.kind == wal::RangeKind::open) {
    const auto end =
        walk_open_object(archive.repository(), range.name, range.start, range.segment.end(size), {});
    if (!end) throw vanished(range);
    range.end = *end;
  }
  return range;
}

}  // namespace

std::vector<WalRange> list_ranges(const WalArchive& archive, TimelineId timeline, const std::string& after,
                                  wal::SegmentNo last) {
  return with_fresh_listing([&] {
    std::vector<ListedWal> listed;
    list_wal_names(archive, timeline, after, [&](ListedWal object) {
      if (object.parsed.segment > last) return false;
      listed.push_back(std::move(object));
      return true;
    });
    std::vector<WalRange> ranges;
    ranges.reserve(listed.size());
    for (ListedWal& object : listed) ranges.push_back(range_of(archive, std::move(object)));
    return ranges;
  });
}

std::vector<WalRange> list_segments(const WalArchive& archive, TimelineId timeline, wal::SegmentNo first,
                                    wal::SegmentNo last) {
  std::vector<WalRange> ranges = list_ranges(archive, timeline, name_before(archive, timeline, first), last);
  std::erase_if(ranges, [&](const WalRange& range) { return range.segment < first; });
  return ranges;
}

std::vector<wal::RangeExtent> extents_of(const std::vector<WalRange>& ranges) {
  std::vector<wal::RangeExtent> extents;
  extents.reserve(ranges.size());
  for (std::size_t i = 0; i < ranges.size(); ++i)
    extents.push_back({ranges[i].kind, ranges[i].start, ranges[i].end, i});
  return extents;
}

}  // namespace tidemark::repository
