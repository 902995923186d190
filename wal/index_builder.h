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
  // The index of [start, end) of everything added since the last cut whose end is <= `end`; the next range begins at
  // `end`. `unfinished`: start of the record open at `end`, 0/0 = none. Records that end behind `end` stay for the next.
  WalIndex cut(Lsn end, Lsn unfinished);
  // What is gathered since the last cut, without cutting (for the exposure that RPO is computed from).
  const WalIndex& open() const { return open_; }

 private:
  WalIndex open_;
};

}  // namespace tidemark::wal
