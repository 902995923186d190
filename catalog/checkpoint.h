#pragma once
// The derived summary that keeps reading cheap; lost or outdated ones are rebuilt. Bytes:
// docs/repository-format.md.

#include <string>
#include <vector>

#include "catalog/inventory.h"
#include "tidemark/bytes.h"

namespace tidemark::catalog {

struct Checkpoint {
  Instant time;         // of the listing it stands for
  Inventory inventory;  // everything seen by then
  // Where to go on listing: the greatest object name seen below each folder.
  struct Position {
    TimelineId timeline;
    std::string last_name;  // below the timeline's folder
  };
  std::vector<Position> wal_positions;
  BackupId last_backup;  // greatest id seen with a manifest, or without (see inventory.begun)
  Instant last_mark;     // marks after this, less a margin of an hour for clocks that differ
  Bytes serialize() const;
  static Checkpoint parse(ByteView bytes);
};

}  // namespace tidemark::catalog
