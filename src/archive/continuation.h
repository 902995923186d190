#pragma once
// Where archiving goes on: looked up in the repositories when the process has nothing in memory (a new start,
// another timeline, after trouble). The timeline path is the server's; the position on it is where the
// required repositories end.

#include <memory>
#include <optional>
#include <vector>

#include "archive/ingest.h"
#include "archive/status.h"
#include "repository/wal_archive.h"
#include "wal/timeline_history.h"

namespace tidemark::archive {

using Archives = std::vector<std::shared_ptr<repository::WalArchive>>;

struct ServerPlace {
  wal::TimelineHistory history;  // of the server's timeline
  Lsn flush_lsn;
  Lsn slot_restart;  // 0/0: the slot reserves nothing
};

struct Continuation {
  TimelineId timeline;
  Lsn start;                 // of the segment where streaming begins
  std::vector<Lsn> durable;  // per archive: end of what it holds without a hole from `start` on, at least
                             // `start` for a required one; an optional one may be behind
  std::optional<WalGap> gap;
};

// Errors: mismatch/"server_on_old_timeline", mismatch/"ahead_of_server" and whatever the repositories throw
// (of optional ones: nothing; they count as being at `start`).
Continuation find_continuation(const Archives& archives, const ServerPlace& server);

// The record that is open at `start`, from the archive; nothing when the archive does not reach there.
struct CarriedRecord {
  Lsn start;
  Bytes bytes;
};
std::optional<CarriedRecord> read_carried_record(const repository::WalArchive& archive,
                                                 const wal::TimelineHistory& history, Lsn start);

// What each archive that begins beyond the segment's start holds of it.
std::vector<ArchivedPrefix> read_archived_prefixes(const Archives& archives, TimelineId timeline,
                                                   wal::SegmentNo segment);

}  // namespace tidemark::archive
