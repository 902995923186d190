#pragma once
// The inventory of an incarnation: the newest usable checkpoint, plus a listing of what came after it.

#include <string_view>

#include "catalog/inventory.h"
#include "repository/wal_archive.h"

namespace tidemark::repository {

// A damaged or unknown checkpoint is passed over for the one before, and with none everything is listed.
catalog::Inventory read_inventory(const WalArchive& archive);
// Lists everything anew and ignores checkpoints (verify, rebuild).
catalog::Inventory rebuild_inventory(const WalArchive& archive);
// Reads the inventory by one of the above, learns the times of every stretch that nobody summarized, and
// stores that as the newest checkpoint. `listing` is for when something came or went behind the newest
// checkpoint.
enum class CheckpointBasis { newest_checkpoint, listing };
void store_checkpoint(const WalArchive& archive, Instant now,
                      CheckpointBasis basis = CheckpointBasis::newest_checkpoint);

// Marks.
void put_mark(const WalArchive& archive, Instant time, std::string_view kind, ByteView json);
std::vector<Bytes> read_marks(const WalArchive& archive, std::string_view kind,
                              std::size_t newest);  // newest first

}  // namespace tidemark::repository
