#pragma once
// The ancestry of a timeline: postgres-notes 1.5; access/transam/timeline.c.

#include <string>
#include <string_view>
#include <vector>

#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::wal {

struct HistoryEntry {
  TimelineId timeline;  // an ancestor
  Lsn switch_point;     // exclusive: first byte of its child
  std::string reason;
  bool operator==(const HistoryEntry&) const = default;
};

// One timeline's stretch on a path: [begin, end). Empty where a recovery left a timeline before it began.
struct TimelineSpan {
  TimelineId timeline;
  Lsn begin;  // 0/0 on the oldest
  Lsn end;    // Lsn(UINT64_MAX) on the newest
  bool operator==(const TimelineSpan&) const = default;
};

class TimelineHistory {
 public:
  explicit TimelineHistory(TimelineId timeline) : timeline_(timeline) {}  // without ancestors
  // The content of "<timeline>.history". Throws Error corrupt naming the line.
  static TimelineHistory parse(TimelineId timeline, std::string_view content);
  std::string render() const;  // in the file's form

  TimelineId timeline() const { return timeline_; }
  const std::vector<HistoryEntry>& ancestors() const { return ancestors_; }  // oldest first
  std::vector<TimelineSpan> path() const;  // oldest first, ends with timeline()
  TimelineId timeline_at(Lsn lsn) const;   // which timeline of the path the byte at `lsn` belongs to
  bool contains(TimelineId timeline, Lsn lsn) const;

 private:
  TimelineId timeline_;
  std::vector<HistoryEntry> ancestors_;
};

}  // namespace tidemark::wal
