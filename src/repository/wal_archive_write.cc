#include <fmt/format.h>

#include "repository/open_object.h"
#include "repository/wal_archive.h"
#include "repository/wal_listing.h"
#include "repository/wal_object.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

struct Place {
  codec::ObjectKind kind;
  std::string name;
  TimelineId timeline;
  Lsn start;
};

// Whatever is found under the name is compared by the hash of its plain bytes: the object itself differs each
// time it is written, by its random bytes.
StoreOutcome store_range(Repository& repository, const Place& place, ByteView bytes,
                         const wal::WalIndex& index) {
  const BuiltWalObject built =
      build_wal_object(repository, place.kind, place.name, place.timeline, place.start, bytes, index);
  if (repository.store().put(place.name, built.content) == PutOutcome::stored) return StoreOutcome::stored;
  const auto found = WalObject::open(repository, place.kind, place.name, place.timeline, place.start,
                                     place.start + bytes.size());
  if (!found) throw Error(ErrorKind::unavailable, fmt::format("{} was there and is gone", place.name));
  return found->footer().hash == built.hash ? StoreOutcome::same : StoreOutcome::conflict;
}

StoreOutcome store_text(Repository& repository, codec::ObjectKind kind, const std::string& name,
                        std::string_view content) {
  if (repository.put(kind, name, as_bytes(content)) == PutOutcome::stored) return StoreOutcome::stored;
  return as_text(repository.get(kind, name)) == content ? StoreOutcome::same : StoreOutcome::conflict;
}

}  // namespace

WalArchive::WalArchive(std::shared_ptr<Repository> repository, catalog::Incarnation incarnation,
                       wal::SegmentSize segment_size)
    : repository_(std::move(repository)), incarnation_(std::move(incarnation)), segment_size_(segment_size) {}

StoreOutcome WalArchive::store_segment(TimelineId timeline, wal::SegmentNo segment, ByteView bytes,
                                       const wal::WalIndex& index) {
  const std::string name = catalog::segment_name(incarnation_, timeline, segment, segment_size_);
  if (bytes.size() != segment_size_.bytes()) {
    throw Error(ErrorKind::internal, fmt::format("{} would hold {} bytes, a segment has {}", name,
                                                 bytes.size(), segment_size_.bytes()));
  }
  return store_range(*repository_,
                     {codec::ObjectKind::wal_segment, name, timeline, segment.start(segment_size_)}, bytes,
                     index);
}

StoreOutcome WalArchive::store_piece(TimelineId timeline, Lsn start, ByteView bytes,
                                     const wal::WalIndex& index) {
  const Lsn end = start + bytes.size();
  if (bytes.empty() ||
      wal::segment_of_start(start, segment_size_) != wal::segment_of_end(end, segment_size_)) {
    throw Error(ErrorKind::internal, fmt::format("a piece cannot hold {} to {}: it lies within one segment",
                                                 start.to_string(), end.to_string()));
  }
  const std::string name = catalog::piece_name(incarnation_, timeline, start, end, segment_size_);
  return store_range(*repository_, {codec::ObjectKind::wal_piece, name, timeline, start}, bytes, index);
}

std::unique_ptr<OpenSegment> WalArchive::open_segment(TimelineId timeline, Lsn start) {
  const std::string name = catalog::open_segment_name(incarnation_, timeline, start, segment_size_);
  const Lsn limit = wal::segment_of_start(start, segment_size_).end(segment_size_);
  try {
    return create_open_object(repository_, name, start, limit);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::mismatch) throw;
    throw Error(ErrorKind::mismatch, fmt::format("open WAL segment {} exists", name))
        .code("exists")
        .hint("begin at a later position or store a piece");
  }
}

StoreOutcome WalArchive::store_history(const wal::TimelineHistory& history, std::string_view content) {
  return store_text(*repository_, codec::ObjectKind::history,
                    catalog::history_name(incarnation_, history.timeline()), content);
}

StoreOutcome WalArchive::claim_timeline(TimelineId timeline, std::string_view owner) {
  return store_text(*repository_, codec::ObjectKind::claim, catalog::claim_name(incarnation_, timeline),
                    owner);
}

void WalArchive::remove_superseded(TimelineId timeline, wal::SegmentNo segment) {
  const std::string whole = catalog::segment_name(incarnation_, timeline, segment, segment_size_);
  if (!repository_->store().info(whole)) return;
  std::vector<std::string> names;
  list_wal_names(*this, timeline, whole, [&](const ListedWal& object) {
    if (object.parsed.segment != segment) return false;
    if (object.parsed.kind != wal::RangeKind::segment) names.push_back(object.name);
    return true;
  });
  for (const std::string& name : names) repository_->store().remove(name);
}

}  // namespace tidemark::repository
