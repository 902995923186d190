#pragma once
// Gathers the index of consecutive ranges from decoded records. One thread.

#include "wal/index.h"
#include "wal/record.h"
#include "wal/versions.h"

namespace tidemark::wal {

class IndexBuilder {
 public:
  IndexBuilder(TimelineId timeline, Lsn start);
  void add(const RecordView& record, const VersionTraits& version);  // in WAL order; throws Error corrupt
  // The index of [start, end) of everything added since the last cut whose end is <= `end`; the next range
  // begins at `end`. `unfinished`: start of the record open at `end`, 0/0 = none. Records that end behind
  // `end` stay for the next.
  WalIndex cut(Lsn end, Lsn unfinished);
  // What is gathered since the last cut, without cutting (for the exposure that RPO is computed from).
  // Its `end` is where the last record added ends, its `unfinished` is not set.
  const WalIndex& open() const { return open_; }

 private:
  void split_records(WalIndex& before, WalIndex& after, Lsn end);

  WalIndex open_;
  // Start and length of every record of open_, each as varint (start from the end of the one before): a cut
  // may lie before some of them. About 3 bytes a record.
  Bytes extents_;
  Lsn extents_base_;
  Lsn last_end_;
};

}  // namespace tidemark::wal
