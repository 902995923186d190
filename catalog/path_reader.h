#pragma once
// The WAL index along a cover, row by row: what lies beyond a switch point or before the cover is left out,
// and a row is loaded only when it is asked for.

#include <cstdint>
#include <optional>
#include <vector>

#include "catalog/branch.h"
#include "catalog/restore_plan.h"
#include "wal/index.h"

namespace tidemark::catalog {

class PathReader {
 public:
  struct Row {
    IndexSource::Row row;
    Lsn from, to;                            // its records with an end in (from, to]
    bool clipped = false;                    // the row holds more than that, so its summary says too much
    bool may_end_by(Instant time) const;     // may hold a transaction end stamped at or before `time`
    bool may_end_after(Instant time) const;  // ... later than `time`
    bool may_have_ends() const;
  };

  // `source` must outlive it. Error refused (wal_missing) where the cover has WAL and the source has no
  // index.
  PathReader(const std::vector<CoverPiece>& cover, IndexSource& source);

  const std::vector<Row>& rows() const { return rows_; }
  // Valid until the next call. The last one is remembered.
  const wal::WalIndex& load(std::size_t row);
  // First row whose records may end behind `lsn`.
  std::size_t row_behind(Lsn lsn) const;

 private:
  void add_piece(const CoverPiece& piece);

  IndexSource& source_;
  std::vector<Row> rows_;
  std::optional<std::size_t> loaded_;
  wal::WalIndex index_;
};

// Keeps only records with an end in (from, to].
void clip_index(wal::WalIndex& index, Lsn from, Lsn to);

}  // namespace tidemark::catalog
