#pragma once
// Reading the inventory, with what a checkpoint needs beyond it. For catalog_reader.

#include <string>
#include <vector>

#include "catalog/checkpoint.h"
#include "repository/catalog_reader.h"

namespace tidemark::repository {

struct InventoryReading {
  catalog::Inventory inventory;
  // The part of inventory.wal that no later listing needs to see again: up to the newest full segment of each
  // timeline.
  std::vector<catalog::WalStretch> settled;
  std::vector<catalog::Checkpoint::Position> positions;
  BackupId last_backup;
  Instant last_mark;
};

InventoryReading read_everything(const WalArchive& archive, CheckpointBasis basis);

// The newest checkpoint that can be used.
std::optional<catalog::Checkpoint> newest_checkpoint(const WalArchive& archive);

// Stretches of the ranges' bytes at or behind `from`, cut at log boundaries. `ranges` is in the order of
// starts.
std::vector<catalog::WalStretch> stretches_of(const std::vector<WalRange>& ranges, Lsn from);
// Pieces and open objects of segments that are there whole are left out.
void drop_superseded(std::vector<WalRange>& ranges);

// One part of the reading each; `reading` holds what the checkpoint said.
void read_wal_listing(const WalArchive& archive, const std::vector<catalog::Checkpoint::Position>& known,
                      InventoryReading& reading);
void read_backup_listing(const WalArchive& archive, InventoryReading& reading);
void read_mark_listing(const WalArchive& archive, InventoryReading& reading);

}  // namespace tidemark::repository
