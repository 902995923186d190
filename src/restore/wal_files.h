#pragma once
// What a request of restore_command is answered with: postgres-notes 6.1, 6.2. A file; "there is none", which
// may be said only when it is proven and changes nothing that was planned; or an Error, because PostgreSQL
// takes "there is none" for the end of the WAL and promotes.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "repository/wal_archive.h"
#include "restore/restore_state.h"

namespace tidemark::restore {

class WalFiles {
 public:
  // `archives`: the same incarnation in one or more repositories, by preference; a segment that one cannot
  // give is asked of the next. `state`: the restore this serves; unset: a server of the user's own (a
  // standby).
  WalFiles(std::vector<std::shared_ptr<repository::WalArchive>> archives, std::optional<RestoreState> state);

  // nullopt: proven absence. Any thread. Errors: usage (no such kind of name); corrupt,
  // unavailable/"wal_missing", and what the repository throws.
  std::optional<Bytes> get(const std::string& name) const;

  // Segments in the order in which replay reads them. For each the names under which the server may ask for
  // it, the newest timeline first; the first that exists is the one it gets.
  std::size_t planned_count() const;
  std::vector<std::string> planned_names(std::size_t index) const;
  std::optional<std::size_t> planned_index(const std::string& name) const;  // nullopt: not among them
  std::uint32_t segment_bytes() const { return archives_.front()->segment_size().bytes(); }

 private:
  std::optional<Bytes> get_segment(const wal::SegmentFile& file, const std::string& name) const;
  std::optional<Bytes> get_history(TimelineId timeline) const;
  std::optional<Bytes> answer_new_timeline(TimelineId timeline) const;
  bool anything_after(TimelineId timeline, wal::SegmentNo segment) const;
  Lsn needed_end(const wal::SegmentFile& file) const;

  std::vector<std::shared_ptr<repository::WalArchive>> archives_;
  std::optional<RestoreState> state_;
};

}  // namespace tidemark::restore
