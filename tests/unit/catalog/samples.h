#pragma once
// Values that the tests of this room share.

#include <vector>

#include "catalog/checkpoint.h"
#include "catalog/inventory.h"
#include "catalog/manifest.h"
#include "catalog/parts.h"

namespace tidemark::catalog {

// Microseconds behind 2026-11-22T03:00:00Z.
Instant at(std::int64_t microseconds);
BackupId backup_id(int number);
BackupHeader sample_header(int number);
Incarnation sample_incarnation();
Manifest sample_manifest();
Checkpoint sample_checkpoint();
// A folder, files (with a zero extent, a short last one, a patch, a continued one) and a link.
std::vector<FileEntry> sample_entries();
Bytes sample_part();
std::vector<FileEntry> read_part(ByteView bytes);

}  // namespace tidemark::catalog
