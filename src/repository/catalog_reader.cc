#include "repository/catalog_reader.h"

#include <fmt/format.h>

#include "repository/inventory_reading.h"
#include "repository/wal_cover.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

void summarize(const WalArchive& archive, catalog::WalStretch& stretch) {
  const wal::WalIndex index = read_joined_index(archive, stretch.timeline, stretch.start, stretch.end);
  stretch.earliest = index.earliest;
  stretch.latest = index.latest;
  stretch.summarized = true;
}

template <typename Choose>
std::optional<Instant> choose(const std::optional<Instant>& left, const std::optional<Instant>& right,
                              Choose better) {
  if (!left || !right) return left ? left : right;
  return better(*left, *right) ? left : right;
}

// One row a log where the WAL is unbroken.
std::vector<catalog::WalStretch> merge_rows(const std::vector<catalog::WalStretch>& stretches) {
  std::vector<catalog::WalStretch> rows;
  for (const catalog::WalStretch& stretch : stretches) {
    const bool joins =
        !rows.empty() && rows.back().timeline == stretch.timeline && rows.back().end == stretch.start &&
        log_of(rows.back().start) == log_of(stretch.start) && rows.back().summarized && stretch.summarized;
    if (!joins) {
      rows.push_back(stretch);
      continue;
    }
    catalog::WalStretch& row = rows.back();
    row.end = stretch.end;
    row.stored_bytes += stretch.stored_bytes;
    row.earliest = choose(row.earliest, stretch.earliest, std::less<Instant>());
    row.latest = choose(row.latest, stretch.latest, std::greater<Instant>());
  }
  return rows;
}

}  // namespace

catalog::Inventory read_inventory(const WalArchive& archive) {
  return read_everything(archive, CheckpointBasis::newest_checkpoint).inventory;
}

catalog::Inventory rebuild_inventory(const WalArchive& archive) {
  return read_everything(archive, CheckpointBasis::listing).inventory;
}

void store_checkpoint(const WalArchive& archive, Instant now, CheckpointBasis basis) {
  constexpr int kNameAttempts = 10;
  InventoryReading reading = read_everything(archive, basis);
  for (catalog::WalStretch& stretch : reading.settled) {
    if (!stretch.summarized) summarize(archive, stretch);
  }
  catalog::Checkpoint checkpoint;
  checkpoint.time = now;
  checkpoint.inventory = std::move(reading.inventory);
  checkpoint.inventory.wal = merge_rows(reading.settled);
  checkpoint.wal_positions = std::move(reading.positions);
  checkpoint.last_backup = reading.last_backup;
  checkpoint.last_mark = reading.last_mark;
  const Bytes content = checkpoint.serialize();
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    const auto random = static_cast<std::uint32_t>(codec::random_number());
    const std::string name = catalog::checkpoint_name(archive.incarnation(), now, random);
    if (archive.repository().put(codec::ObjectKind::checkpoint, name, content) == PutOutcome::stored) return;
  }
  throw Error(ErrorKind::internal, "no name was free for a checkpoint");
}

}  // namespace tidemark::repository
