#pragma once
// How the project's values stand in the bodies of the catalog's records. Reading checks ranges; errors:
// corrupt.

#include <limits>
#include <optional>
#include <type_traits>

#include "catalog/manifest.h"
#include "tidemark/bytes.h"
#include "tidemark/checksum.h"
#include "tidemark/identity.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::catalog {

[[noreturn]] void throw_out_of_range(std::uint64_t value);

// A varint that must fit T.
template <typename T>
T read_number(ByteReader& reader) {
  const std::uint64_t value = reader.varint();
  if (value > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) throw_out_of_range(value);
  return static_cast<T>(value);
}

void write_lsn(ByteWriter& writer, Lsn lsn);
Lsn read_lsn(ByteReader& reader);
void write_timeline(ByteWriter& writer, TimelineId timeline);
TimelineId read_timeline(ByteReader& reader);
void write_instant(ByteWriter& writer, Instant instant);
Instant read_instant(ByteReader& reader);
void write_optional_instant(ByteWriter& writer, const std::optional<Instant>& instant);
std::optional<Instant> read_optional_instant(ByteReader& reader);
void write_hash(ByteWriter& writer, const Hash128& hash);
Hash128 read_hash(ByteReader& reader);
void write_backup_id(ByteWriter& writer, const BackupId& id);
BackupId read_backup_id(ByteReader& reader);
void write_optional_backup_id(ByteWriter& writer, const std::optional<BackupId>& id);
std::optional<BackupId> read_optional_backup_id(ByteReader& reader);
bool read_flag(ByteReader& reader);

void write_backup_header(ByteWriter& writer, const BackupHeader& header);
BackupHeader read_backup_header(ByteReader& reader);
void write_begun(ByteWriter& writer, const Begun& begun);
Begun read_begun(ByteReader& reader);

}  // namespace tidemark::catalog
