#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "repository/open_object.h"
#include "repository/wal_archive.h"
#include "repository/wal_listing.h"
#include "repository/wal_object.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

constexpr wal::SegmentNo kLastSegment(std::numeric_limits<std::uint64_t>::max());

std::optional<std::string> find_text(const Repository& repository, codec::ObjectKind kind,
                                     const std::string& name) {
  const auto content = repository.find(kind, name);
  return content ? std::optional<std::string>(as_text(*content)) : std::nullopt;
}

WalObject open_whole(const Repository& repository, const WalRange& range) {
  auto object = WalObject::open(repository, object_kind(range.kind), range.name, range.timeline, range.start,
                                range.end);
  if (!object) throw vanished(range);
  return std::move(*object);
}

// Index of an open object: of its shipments below the range's end, which is where it ended when it was
// listed.
wal::WalIndex open_index(const Repository& repository, const WalRange& range, Lsn limit) {
  wal::WalIndex index;
  index.start = index.end = range.start;
  index.timeline = range.timeline;
  const auto end = walk_open_object(repository, range.name, range.start, limit,
                                    [&](Lsn start, ByteView wal, ByteView serialized) {
                                      if (start + wal.size() <= range.end)
                                        index.append(wal::WalIndex::parse(serialized));
                                    });
  if (!end) throw vanished(range);
  return index;
}

void read_open(const Repository& repository, const WalRange& range, Lsn limit, Lsn from, Lsn to, Bytes& out) {
  const std::size_t before = out.size();
  const auto end =
      walk_open_object(repository, range.name, range.start, limit, [&](Lsn start, ByteView wal, ByteView) {
        const Lsn first = std::max(start, from);
        const Lsn last = std::min(start + wal.size(), to);
        if (first >= last) return;
        const ByteView wanted = wal.subspan(first - start, last - first);
        out.insert(out.end(), wanted.begin(), wanted.end());
      });
  if (!end) throw vanished(range);
  if (out.size() - before != to - from) {
    throw Error(ErrorKind::corrupt, fmt::format("open WAL segment {} ends at {} and had reached {}",
                                                range.name, end->to_string(), range.end.to_string()))
        .code("damaged_object");
  }
}

class SegmentAssembly {
 public:
  SegmentAssembly(const WalArchive& archive, std::vector<WalRange> ranges, Lsn begin, Lsn limit)
      : archive_(archive),
        ranges_(std::move(ranges)),
        begin_(begin),
        cover_(wal::contiguous_cover(extents_of(ranges_), begin, limit)) {}

  bool empty() const { return cover_.empty(); }

  WalArchive::Segment read(std::size_t segment_bytes) {
    bytes_.reserve(segment_bytes);
    for (const wal::CoverStep& step : cover_) {
      archive_.read_bytes(ranges_[step.source], step.from, step.to, bytes_);
    }
    for (std::size_t i = 0; i < ranges_.size(); ++i) compare_rest(i);
    const Lsn valid_end = begin_ + bytes_.size();
    bytes_.resize(segment_bytes);
    return {std::move(bytes_), valid_end};
  }

 private:
  // What a range holds of the covered stretch beyond what was taken from it.
  void compare_rest(std::size_t source) {
    const Lsn covered_end = begin_ + bytes_.size();
    const Lsn from = ranges_[source].start;
    const Lsn to = std::min(ranges_[source].end, covered_end);
    const auto step = std::ranges::find(cover_, source, &wal::CoverStep::source);
    if (step == cover_.end()) return compare(source, from, to);
    compare(source, from, std::min(step->from, to));
    compare(source, std::max(step->to, from), to);
  }

  void compare(std::size_t source, Lsn from, Lsn to) {
    if (from >= to) return;
    Bytes other;
    archive_.read_bytes(ranges_[source], from, to, other);
    const ByteView ours = ByteView(bytes_).subspan(from - begin_, to - from);
    const auto differs = std::ranges::mismatch(ours, other);
    if (differs.in1 == ours.end()) return;
    const Lsn at = from + static_cast<std::uint64_t>(differs.in1 - ours.begin());
    const auto step = std::ranges::find_if(
        cover_, [at](const wal::CoverStep& one) { return one.from <= at && at < one.to; });
    throw Error(ErrorKind::corrupt, fmt::format("WAL at {} differs between {} and {}", at.to_string(),
                                                ranges_[step->source].name, ranges_[source].name))
        .code("divergent")
        .hint(
            "two servers wrote WAL on one timeline; find out which of the two is right before anything is "
            "restored");
  }

  const WalArchive& archive_;
  std::vector<WalRange> ranges_;
  Lsn begin_;
  std::vector<wal::CoverStep> cover_;
  Bytes bytes_;
};

}  // namespace

std::vector<TimelineId> WalArchive::timelines() const {
  std::vector<TimelineId> found;
  const std::string folder = catalog::wal_folder(incarnation_);
  repository_->store().list_level(folder, [&](std::string_view level) {
    const auto timeline = catalog::parse_timeline_folder(incarnation_, folder + std::string(level));
    if (timeline) found.push_back(*timeline);
    return true;
  });
  return found;
}

std::optional<std::string> WalArchive::read_history(TimelineId timeline) const {
  return find_text(*repository_, codec::ObjectKind::history, catalog::history_name(incarnation_, timeline));
}

std::optional<std::string> WalArchive::read_claim(TimelineId timeline) const {
  return find_text(*repository_, codec::ObjectKind::claim, catalog::claim_name(incarnation_, timeline));
}

std::vector<WalRange> WalArchive::list(TimelineId timeline, std::string_view after) const {
  const std::string full =
      after.empty() ? std::string() : catalog::timeline_folder(incarnation_, timeline) + std::string(after);
  return list_ranges(*this, timeline, full, kLastSegment);
}

Lsn WalArchive::contiguous_end(TimelineId timeline, Lsn from) const {
  const auto ranges =
      list_segments(*this, timeline, wal::segment_of_start(from, segment_size_), kLastSegment);
  const auto cover =
      wal::contiguous_cover(extents_of(ranges), from, Lsn(std::numeric_limits<std::uint64_t>::max()));
  return cover.empty() ? from : cover.back().to;
}

wal::WalIndex WalArchive::read_index(const WalRange& range) const {
  if (range.kind == wal::RangeKind::open) {
    return open_index(*repository_, range, range.segment.end(segment_size_));
  }
  return open_whole(*repository_, range).index();
}

void WalArchive::read_bytes(const WalRange& range, Lsn from, Lsn to, Bytes& out) const {
  if (from < range.start || to > range.end || from > to) {
    throw Error(ErrorKind::internal,
                fmt::format("{} to {} is asked of {}, which holds {} to {}", from.to_string(), to.to_string(),
                            range.name, range.start.to_string(), range.end.to_string()));
  }
  if (range.kind == wal::RangeKind::open) {
    read_open(*repository_, range, range.segment.end(segment_size_), from, to, out);
  } else {
    open_whole(*repository_, range).read(from, to, out);
  }
}

std::optional<WalArchive::Segment> WalArchive::read_segment(TimelineId timeline,
                                                            wal::SegmentNo segment) const {
  return with_fresh_listing([&]() -> std::optional<Segment> {
    SegmentAssembly assembly(*this, list_segments(*this, timeline, segment, segment),
                             segment.start(segment_size_), segment.end(segment_size_));
    if (assembly.empty()) return std::nullopt;
    return assembly.read(segment_size_.bytes());
  });
}

}  // namespace tidemark::repository
