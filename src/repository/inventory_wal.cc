// The WAL's part of an inventory: histories, stretches, tails.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "repository/inventory_reading.h"
#include "repository/wal_cover.h"
#include "repository/wal_listing.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::repository {
namespace {

// How far back the newest commit is looked for when the newest WAL holds none.
constexpr std::size_t kTailRanges = 64;

void read_histories(const WalArchive& archive, const std::vector<TimelineId>& timelines,
                    catalog::Inventory& inventory) {
  for (const TimelineId timeline : timelines) {
    if (inventory.histories.contains(timeline)) continue;
    try {
      const auto content = archive.read_history(timeline);
      if (content) inventory.histories.emplace(timeline, wal::TimelineHistory::parse(timeline, *content));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::mismatch) throw;
      log_warning("repository", error.what());  // its timeline is known to exist, and cannot be reached
    }
  }
}

bool complete(const catalog::Inventory::TailFacts& tail) {
  return tail.last_record.valid() && tail.last_end_time;
}

// From the newest range backwards until the last record and the last transaction end are known.
void read_tail(const WalArchive& archive, const std::vector<CoveredRange>& cover,
               catalog::Inventory::TailFacts& tail) {
  std::size_t ranges = 0;
  for (auto at = cover.rbegin(); at != cover.rend() && !complete(tail) && ranges < kTailRanges;
       ++at, ++ranges) {
    try {
      const wal::WalIndex index = read_index_of(archive, *at);
      if (!tail.last_record.valid()) {
        tail.last_record = index.last_record;
        tail.last_record_end = index.last_record_end;
      }
      if (!tail.last_end_time && !index.ends.empty()) tail.last_end_time = index.ends.back().time;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::mismatch) throw;
      log_warning("repository", error.what());
      return;
    }
  }
}

// Where the unbroken WAL begins that the newest stretch ends.
Lsn tail_start(const std::vector<catalog::WalStretch>& stretches) {
  auto at = stretches.rbegin();
  while (std::next(at) != stretches.rend() && std::next(at)->end == at->start) ++at;
  return at->start;
}

struct TimelineReading {
  std::vector<catalog::WalStretch> settled;  // comes in with the checkpoint's
  std::vector<catalog::WalStretch> unsettled;
  catalog::Inventory::TailFacts tail;
  std::string position;  // below the timeline's folder
};

void add_tail(const WalArchive& archive, const std::vector<WalRange>& ranges, TimelineReading& reading) {
  std::vector<catalog::WalStretch> all = reading.settled;
  all.insert(all.end(), reading.unsettled.begin(), reading.unsettled.end());
  if (all.empty() || ranges.empty()) return;
  catalog::Inventory::TailFacts tail;
  const Lsn begin = std::max(tail_start(all), ranges.front().start);
  read_tail(archive, cover_of(ranges, begin, all.back().end), tail);
  // What the listed ranges do not tell, the checkpoint does.
  if (!tail.last_record.valid()) {
    tail.last_record = reading.tail.last_record;
    tail.last_record_end = reading.tail.last_record_end;
  }
  if (!tail.last_end_time) tail.last_end_time = reading.tail.last_end_time;
  reading.tail = tail;
}

void read_timeline(const WalArchive& archive, TimelineId timeline, TimelineReading& reading) {
  const Lsn known_to = reading.settled.empty() ? Lsn() : reading.settled.back().end;
  std::vector<WalRange> ranges = archive.list(timeline, reading.position);
  drop_superseded(ranges);
  std::erase_if(ranges,
                [&](const WalRange& range) { return range.end <= known_to || range.start == range.end; });
  // Names have open objects behind the pieces of their segment, wherever they begin.
  std::ranges::stable_sort(ranges, {}, &WalRange::start);
  std::size_t settled = 0;  // ranges up to the newest full segment
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].kind == wal::RangeKind::segment) settled = i + 1;
  }
  const auto split = ranges.begin() + static_cast<std::ptrdiff_t>(settled);
  const auto fresh = stretches_of({ranges.begin(), split}, known_to);
  reading.settled.insert(reading.settled.end(), fresh.begin(), fresh.end());
  reading.unsettled = stretches_of({split, ranges.end()}, settled == 0 ? known_to : ranges[settled - 1].end);
  if (settled != 0) {
    const std::string folder = catalog::timeline_folder(archive.incarnation(), timeline);
    reading.position = ranges[settled - 1].name.substr(folder.size());
  }
  add_tail(archive, ranges, reading);
}

}  // namespace

void drop_superseded(std::vector<WalRange>& ranges) {
  std::set<wal::SegmentNo> whole;
  for (const WalRange& range : ranges) {
    if (range.kind == wal::RangeKind::segment) whole.insert(range.segment);
  }
  std::erase_if(ranges, [&](const WalRange& range) {
    return range.kind != wal::RangeKind::segment && whole.contains(range.segment);
  });
}

std::vector<catalog::WalStretch> stretches_of(const std::vector<WalRange>& ranges, Lsn from) {
  std::vector<catalog::WalStretch> stretches;
  for (const WalRange& range : ranges) {
    const Lsn start = std::max(range.start, from);
    if (range.end <= start) continue;
    // A segment lies within one log, so a range does.
    if (stretches.empty() || stretches.back().end < start ||
        log_of(stretches.back().start) != log_of(start)) {
      catalog::WalStretch stretch;
      stretch.timeline = range.timeline;
      stretch.start = start;
      stretch.end = range.end;
      stretches.push_back(stretch);
    }
    stretches.back().end = std::max(stretches.back().end, range.end);
    stretches.back().stored_bytes += range.stored_bytes;
  }
  return stretches;
}

void read_wal_listing(const WalArchive& archive, const std::vector<catalog::Checkpoint::Position>& known,
                      InventoryReading& reading) {
  std::map<TimelineId, TimelineReading> timelines;
  for (const TimelineId timeline : archive.timelines()) timelines[timeline];
  for (const auto& position : known) timelines[position.timeline].position = position.last_name;
  for (const catalog::WalStretch& stretch : reading.inventory.wal)
    timelines[stretch.timeline].settled.push_back(stretch);
  for (const auto& [timeline, tail] : reading.inventory.tails) timelines[timeline].tail = tail;

  std::vector<TimelineId> numbers;
  for (const auto& [timeline, part] : timelines) numbers.push_back(timeline);
  read_histories(archive, numbers, reading.inventory);

  reading.inventory.wal.clear();
  reading.inventory.tails.clear();
  for (auto& [timeline, part] : timelines) {
    read_timeline(archive, timeline, part);
    for (const auto* stretches : {&part.settled, &part.unsettled}) {
      reading.inventory.wal.insert(reading.inventory.wal.end(), stretches->begin(), stretches->end());
    }
    reading.settled.insert(reading.settled.end(), part.settled.begin(), part.settled.end());
    if (part.tail.last_record.valid() || part.tail.last_end_time)
      reading.inventory.tails[timeline] = part.tail;
    if (!part.position.empty()) reading.positions.push_back({timeline, part.position});
  }
}

}  // namespace tidemark::repository
