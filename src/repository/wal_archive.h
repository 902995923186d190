#pragma once
// WAL of one incarnation in one repository: ranges in, contiguous WAL out. Any thread; OpenSegment: one.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/object_names.h"
#include "catalog/restore_plan.h"
#include "repository/repository.h"
#include "wal/index.h"
#include "wal/range.h"
#include "wal/timeline_history.h"

namespace tidemark::repository {

enum class StoreOutcome {
  stored,
  same,
  conflict
};  // same: these very bytes were there; conflict: others, nothing changed

struct WalRange {
  wal::RangeKind kind = wal::RangeKind::segment;
  TimelineId timeline;
  wal::SegmentNo segment;
  Lsn start, end;  // open objects: end of the valid prefix, learned by reading it
  std::string name;
  std::uint64_t stored_bytes = 0;
};

// The growing object of the segment being written (stores with the feature append). Frames hold bytes and
// their index.
class OpenSegment {
 public:
  virtual ~OpenSegment() = default;
  // Bytes follow those before; the index covers exactly them. Durable after sync().
  virtual void append(ByteView bytes, const wal::WalIndex& index) = 0;
  virtual void sync() = 0;
  virtual Lsn end() const = 0;
};

class WalArchive {
 public:
  WalArchive(std::shared_ptr<Repository> repository, catalog::Incarnation incarnation,
             wal::SegmentSize segment_size);

  Repository& repository() const { return *repository_; }
  const std::shared_ptr<Repository>& shared_repository() const { return repository_; }
  const catalog::Incarnation& incarnation() const { return incarnation_; }
  wal::SegmentSize segment_size() const { return segment_size_; }

  // Writing. Durable on return. Plain bytes are compared with what exists, by hash.
  StoreOutcome store_segment(TimelineId timeline, wal::SegmentNo segment, ByteView bytes,
                             const wal::WalIndex& index);
  StoreOutcome store_piece(TimelineId timeline, Lsn start, ByteView bytes, const wal::WalIndex& index);
  // Feature append. `start` is unique: when an open object with that start exists (a crash), Error
  // mismatch/"exists"; the caller then begins at a later start or writes a piece.
  std::unique_ptr<OpenSegment> open_segment(TimelineId timeline, Lsn start);
  StoreOutcome store_history(const wal::TimelineHistory& history, std::string_view content);
  StoreOutcome claim_timeline(TimelineId timeline, std::string_view owner);
  std::optional<std::string> read_claim(TimelineId timeline) const;
  // Pieces and open objects of a segment that is stored whole are superseded; deletes them.
  void remove_superseded(TimelineId timeline, wal::SegmentNo segment);
  // Merged index of a finished log, from the ranges' indexes. No-op when it exists or the log is not
  // finished.
  void store_log_index(TimelineId timeline, std::uint32_t log);
  // A log is finished when its last segment is stored whole, and so are all from the first that is held of
  // it.
  bool log_finished(TimelineId timeline, std::uint32_t log) const;

  // Reading.
  std::vector<TimelineId> timelines() const;
  std::optional<std::string> read_history(TimelineId timeline) const;
  // Ranges whose name is after `after` (below the timeline's folder), in order. Open objects are read for
  // their end.
  std::vector<WalRange> list(TimelineId timeline, std::string_view after = "") const;
  // The end of contiguous WAL of `timeline` from `from` on, by the objects' names and the valid prefix of
  // open ones.
  Lsn contiguous_end(TimelineId timeline, Lsn from) const;
  wal::WalIndex read_index(const WalRange& range) const;
  std::optional<wal::WalIndex> read_log_index(TimelineId timeline, std::uint32_t log) const;
  bool has_log_index(TimelineId timeline, std::uint32_t log) const;
  // [from, to) of the range, appended to `out`; every byte is checked.
  void read_bytes(const WalRange& range, Lsn from, Lsn to, Bytes& out) const;
  // The segment as the longest contiguous, byte-identical cover from its start, padded with zeros to the
  // segment's size. `valid_end` tells where real bytes end. nullopt: nothing covers the segment's start
  // (proven absence: the listing was read). Overlapping ranges that differ: Error corrupt/"divergent" naming
  // both objects.
  struct Segment {
    Bytes bytes;
    Lsn valid_end;
  };
  std::optional<Segment> read_segment(TimelineId timeline, wal::SegmentNo segment) const;

 private:
  std::shared_ptr<Repository> repository_;
  catalog::Incarnation incarnation_;
  wal::SegmentSize segment_size_;
};

// The plan's view of the archive: merged log indexes where they exist, else the ranges' own. Keeps what it
// loaded.
std::unique_ptr<catalog::IndexSource> make_index_source(const WalArchive& archive,
                                                        const catalog::Inventory& inventory);

}  // namespace tidemark::repository
