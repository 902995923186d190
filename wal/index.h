#pragma once
// What a pass over a WAL range learned. A record belongs to the range where it ends. Values; bytes in
// docs/repository-format.md.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/bytes.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/record.h"

namespace tidemark::wal {

struct TransactionEnd {
  Lsn start, end;  // of the record
  Instant time;
  std::uint32_t xid = 0;
  EndKind kind = EndKind::commit;
  bool operator==(const TransactionEnd&) const = default;
  bool committed() const { return kind == EndKind::commit || kind == EndKind::commit_prepared; }
};

struct Prepare {
  Lsn start, end;
  Instant time;
  std::uint32_t xid = 0;
  std::string gid;
  bool operator==(const Prepare&) const = default;
};

struct RestorePoint {
  Lsn start, end;
  Instant time;
  std::string name;
  bool operator==(const RestorePoint&) const = default;
};

enum class EventKind : std::uint8_t {
  checkpoint_shutdown = 1,  // a: next full transaction id (64 bits), b: redo LSN
  checkpoint_online = 2,    // the same
  backup_end = 3,           // a: the backup's start LSN
  segment_switch = 4,
  parameter_change =
      5,  // a: wal_level, b: max_connections << 32 | max_prepared_transactions (what a standby must match)
  end_of_recovery = 6,         // a: this timeline, b: previous timeline
  overwrite_continuation = 7,  // a: the overwritten record's LSN
  running_transactions = 8,    // a: 1 when the snapshot is overflowed, b: next xid << 32 | oldest running xid
};

struct Event {
  Lsn start, end;
  EventKind kind;
  std::uint64_t a = 0, b = 0;
  bool operator==(const Event&) const = default;
};

// All times of a WalIndex are as WAL has them (LSN order, not time order).
struct WalIndex {
  Lsn start, end;                    // of the bytes
  TimelineId timeline;               // the timeline the range is archived under
  Lsn first_record;                  // start of the first record that ends here; 0/0 = none
  Lsn last_record, last_record_end;  // the last record that ends here; 0/0 = none
  Lsn unfinished;                    // start of the record that is open at `end`; 0/0 = none
  std::uint64_t record_count = 0;
  // Earliest and latest time of the transaction ends; unset when there is none.
  std::optional<Instant> earliest, latest;
  std::vector<TransactionEnd> ends;
  std::vector<Prepare> prepares;
  std::vector<RestorePoint> restore_points;
  std::vector<Event> events;

  bool operator==(const WalIndex&) const = default;

  Bytes serialize() const;                // versioned, records with critical bit; delta-coded
  static WalIndex parse(ByteView bytes);  // throws Error corrupt
  // `next` must begin where this ends, on the same or a later timeline (Error internal otherwise).
  void append(const WalIndex& next);
};

}  // namespace tidemark::wal
