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
// Stores the checkpoint of `inventory` as it was read by one of the above.
void store_checkpoint(const WalArchive& archive, Instant now);

// Marks.
void put_mark(const WalArchive& archive, Instant time, std::string_view kind, ByteView json);
std::vector<Bytes> read_marks(const WalArchive& archive, std::string_view kind, std::size_t newest);  // newest first

}  // namespace tidemark::repository
