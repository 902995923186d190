#pragma once
// What a repository holds of one incarnation, as values: from a checkpoint plus what was listed after it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/object_names.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/segment_name.h"
#include "wal/timeline_history.h"

namespace tidemark::catalog {

// Contiguous WAL of one timeline within one log (4 GiB): a row of a checkpoint, or of the listing after it.
struct WalStretch {
  TimelineId timeline;
  Lsn start, end;
  std::optional<Instant> earliest, latest;  // of its transaction ends
  bool summarized = false;  // earliest and latest were learned (false: only the objects were listed)
  std::uint64_t stored_bytes = 0;
  bool operator==(const WalStretch&) const = default;
};

struct Inventory {
  Incarnation incarnation;
  wal::SegmentSize segment_size;
  std::string repository;                                // its name in the configuration
  std::map<TimelineId, wal::TimelineHistory> histories;  // those stored; timeline 1 has none
  std::vector<WalStretch> wal;         // by timeline, start; never overlapping; adjacent ones touch
  std::vector<BackupHeader> backups;   // by start LSN
  std::vector<Begun> begun;            // without a manifest yet
  std::vector<IdleProof> idle_proofs;  // the newest per timeline is enough
  std::vector<AcknowledgedGap> acknowledged_gaps;
  std::map<BackupId, Instant> keep_until;  // pins in force
  std::map<BackupId, Instant> verified_at;
  // End of the last transaction end on each timeline, when the tail's index was read.
  struct TailFacts {
    Lsn last_record;  // start of the last whole record
    Lsn last_record_end;
    std::optional<Instant> last_end_time;  // of the last commit or abort
  };
  std::map<TimelineId, TailFacts> tails;
};

// pg_current_wal_insert_lsn() points behind the header of a page that holds nothing yet; the page's start is
// then as good, and is what an archive can reach.
Lsn without_page_header(Lsn position, wal::SegmentSize size);

// End of the contiguous WAL of `timeline` that begins at or before `from`; `from` itself when nothing covers
// it.
Lsn contiguous_end(const Inventory& inventory, TimelineId timeline, Lsn from);
// The same along a history, crossing switch points: a timeline counts up to its child's switch point only,
// and a child's first segment, which begins with a copy of its parent's bytes, may stand in for them.
Lsn contiguous_end(const Inventory& inventory, const wal::TimelineHistory& history, Lsn from);
// The stored history of `timeline`; timeline 1 has an empty one. nullptr when it must exist and does not.
const wal::TimelineHistory* history_of(const Inventory& inventory, TimelineId timeline);

enum class WindowEnd : std::uint8_t { commit, idle };
struct RecoveryWindow {
  TimelineId timeline;
  Instant from, to;  // in the primary's clock
  Lsn from_lsn, to_lsn;
  WindowEnd to_basis = WindowEnd::commit;
  BackupId first_backup;
  bool operator==(const RecoveryWindow&) const = default;
};
std::vector<RecoveryWindow> recovery_windows(const Inventory& inventory);  // oldest first

struct Gap {
  TimelineId timeline;
  Lsn from, to;
  bool acknowledged = false;
  bool operator==(const Gap&) const = default;
};
std::vector<Gap> gaps(const Inventory& inventory);

}  // namespace tidemark::catalog
