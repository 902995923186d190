#include "archive/continuation.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/object_names.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::archive {
namespace {

bool required(const repository::WalArchive& archive) { return archive.repository().options().required; }

Lsn segment_start(Lsn lsn, wal::SegmentSize size) { return wal::segment_of_start(lsn, size).start(size); }

// What one archive holds of a timeline: the newest timelines it has, and where WAL ends.
Lsn last_end(const std::vector<repository::WalRange>& ranges) {
  Lsn end;
  for (const auto& range : ranges) end = std::max(end, range.end);
  return end;
}

// Those of `segment` and later, and some before it: a listing begins behind a name.
std::vector<repository::WalRange> ranges_from(const repository::WalArchive& archive, TimelineId timeline,
                                              wal::SegmentNo segment) {
  std::string after;
  if (segment.value() > 0) {
    const auto folder = catalog::timeline_folder(archive.incarnation(), timeline);
    after = catalog::segment_name(archive.incarnation(), timeline, wal::SegmentNo(segment.value() - 1),
                                  archive.segment_size())
                .substr(folder.size());
  }
  return archive.list(timeline, after);
}

// The newest timeline on the server's path of which a required repository holds WAL; nullopt: none holds any.
std::optional<TimelineId> archived_timeline(const Archives& archives, const wal::TimelineHistory& history) {
  std::optional<TimelineId> newest;
  const auto path = history.path();
  for (const auto& archive : archives) {
    if (!required(*archive)) continue;
    for (const TimelineId timeline : archive->timelines()) {
      const bool on_path =
          std::any_of(path.begin(), path.end(), [&](const auto& span) { return span.timeline == timeline; });
      if (!on_path && timeline < history.timeline()) continue;  // a branch that was given up
      if (newest && timeline <= *newest) continue;
      if (last_end(archive->list(timeline)).valid()) newest = timeline;
    }
  }
  if (newest && *newest > history.timeline()) {
    throw Error(ErrorKind::mismatch,
                fmt::format("the server is on timeline {}, but timeline {} is archived already",
                            history.timeline().value(), newest->value()))
        .code("server_on_old_timeline")
        .hint(
            "this is an old primary, or a copy of one: the connection must lead to the server that continues "
            "the archive");
  }
  return newest;
}

// The end of all that required archives hold of the timeline, gaps or not.
Lsn furthest_end(const Archives& archives, TimelineId timeline) {
  Lsn end;
  for (const auto& archive : archives) {
    if (required(*archive)) end = std::max(end, last_end(archive->list(timeline)));
  }
  return end;
}

Lsn contiguous_end(const repository::WalArchive& archive, TimelineId timeline, Lsn from) {
  try {
    return std::max(from, archive.contiguous_end(timeline, from));
  } catch (const Error& error) {
    if (required(archive)) throw;
    log_warning("archive", fmt::format("repository {}: looking up where its WAL ends: {}",
                                       archive.repository().name(), error.what()));
    return from;
  }
}

void look_up(const Archives& archives, Lsn from, Continuation& found) {
  found.durable.clear();
  std::optional<Lsn> least;
  for (const auto& archive : archives) {
    found.durable.push_back(contiguous_end(*archive, found.timeline, from));
    if (required(*archive)) least = std::min(least.value_or(found.durable.back()), found.durable.back());
  }
  found.start = segment_start(least.value_or(from), archives.front()->segment_size());
  for (std::size_t i = 0; i < archives.size(); ++i) {
    if (required(*archives[i])) found.durable[i] = std::max(found.durable[i], found.start);
  }
}

// An optional repository that holds older WAL ends where that ends, not where we begin: it will catch up. An
// empty one begins with us.
void look_up_optional(const Archives& archives, Continuation& found) {
  for (std::size_t i = 0; i < archives.size(); ++i) {
    if (required(*archives[i]) || found.durable[i] > found.start) continue;
    found.durable[i] = found.start;
    try {
      const Lsn end = last_end(archives[i]->list(found.timeline));
      if (end.valid() && end < found.start) found.durable[i] = end;
    } catch (const Error& error) {
      log_warning("archive", fmt::format("repository {}: looking up where its WAL ends: {}",
                                         archives[i]->repository().name(), error.what()));
    }
  }
}

Lsn span_end(const wal::TimelineHistory& history, TimelineId timeline) {
  for (const auto& span : history.path()) {
    if (span.timeline == timeline) return span.end;
  }
  return Lsn(UINT64_MAX);
}

TimelineId child_of(const wal::TimelineHistory& history, TimelineId timeline) {
  const auto path = history.path();
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    if (path[i].timeline == timeline) return path[i + 1].timeline;
  }
  return timeline;
}

Lsn least_required(const Archives& archives, const Continuation& found) {
  Lsn least(UINT64_MAX);
  for (std::size_t i = 0; i < archives.size(); ++i) {
    if (required(*archives[i])) least = std::min(least, found.durable[i]);
  }
  return least;
}

void check_not_ahead(const Archives& archives, const Continuation& found, const ServerPlace& server) {
  if (found.timeline != server.history.timeline()) return;
  const Lsn end = furthest_end(archives, found.timeline);
  if (end <= server.flush_lsn) return;
  throw Error(ErrorKind::mismatch,
              fmt::format("the archive of timeline {} ends at {}, but the server has WAL only up to {}",
                          found.timeline.value(), end.to_string(), server.flush_lsn.to_string()))
      .code("ahead_of_server")
      .hint(
          "the server lost WAL that was archived (restored, or crashed without fsync): restore it, or "
          "promote it to a new timeline");
}

}  // namespace

Continuation find_continuation(const Archives& archives, const ServerPlace& server) {
  const auto size = archives.front()->segment_size();
  Continuation found;
  const auto archived = archived_timeline(archives, server.history);
  if (!archived) {
    const Lsn from = server.slot_restart.valid() ? server.slot_restart : server.flush_lsn;
    found.timeline = server.history.timeline_at(segment_start(from, size));
    look_up(archives, segment_start(from, size), found);
    look_up_optional(archives, found);
    return found;
  }
  found.timeline = *archived;
  const Lsn end = furthest_end(archives, found.timeline);
  const bool slot_tells =
      server.slot_restart.valid() && server.history.timeline_at(server.slot_restart) >= found.timeline;
  // From the slot's position on when it has one: what lies before it, the server may not have any more.
  Lsn from = segment_start(
      slot_tells ? std::min(server.slot_restart, span_end(server.history, found.timeline)) : end, size);
  if (from > end) found.gap = WalGap{found.timeline, end, from};
  look_up(archives, from, found);
  while (found.timeline != server.history.timeline() &&
         least_required(archives, found) >= span_end(server.history, found.timeline)) {
    const Lsn switched = span_end(server.history, found.timeline);
    if (furthest_end(archives, found.timeline) > switched) {
      log_warning("archive",
                  fmt::format("timeline {} was archived up to {}, but the server left it at {}: what lies "
                              "between is not in the server's history",
                              found.timeline.value(), furthest_end(archives, found.timeline).to_string(),
                              switched.to_string()));
    }
    found.timeline = child_of(server.history, found.timeline);
    look_up(archives, segment_start(switched, size), found);
  }
  check_not_ahead(archives, found, server);
  look_up_optional(archives, found);
  return found;
}

std::optional<CarriedRecord> read_carried_record(const repository::WalArchive& archive,
                                                 const wal::TimelineHistory& history, Lsn start) {
  const auto size = archive.segment_size();
  if (start.value() < size.bytes()) return std::nullopt;
  const TimelineId timeline = history.timeline_at(start - 1);
  Lsn open;
  for (const auto& range : ranges_from(archive, timeline, wal::segment_of_end(start, size))) {
    if (range.end == start) open = archive.read_index(range).unfinished;
  }
  if (!open.valid() || open >= start) return std::nullopt;
  CarriedRecord carried{open, {}};
  for (Lsn at = open; at < start;) {
    const auto number = wal::segment_of_start(at, size);
    const auto segment = archive.read_segment(history.timeline_at(number.end(size) - 1), number);
    const Lsn end = number.end(size);
    if (!segment || segment->valid_end < end) return std::nullopt;
    carried.bytes.insert(carried.bytes.end(),
                         segment->bytes.begin() + static_cast<std::ptrdiff_t>(at - number.start(size)),
                         segment->bytes.end());
    at = end;
  }
  return carried;
}

std::vector<ArchivedPrefix> read_archived_prefixes(const Archives& archives, TimelineId timeline,
                                                   wal::SegmentNo segment) {
  std::vector<ArchivedPrefix> prefixes;
  for (const auto& archive : archives) {
    try {
      auto held = archive->read_segment(timeline, segment);
      if (!held) continue;
      const Lsn start = segment.start(archive->segment_size());
      held->bytes.resize(held->valid_end - start);
      prefixes.push_back({archive->repository().name(), start, held->valid_end, std::move(held->bytes)});
    } catch (const Error&) {
      if (required(*archive)) throw;  // an optional one must hold up nobody; its lane will meet the trouble
    }
  }
  return prefixes;
}

}  // namespace tidemark::archive
