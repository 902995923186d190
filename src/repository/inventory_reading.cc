#include "repository/inventory_reading.h"

#include <fmt/format.h>

#include "repository/wal_listing.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::repository {
namespace {

// Older checkpoints than these say too little to be worth the reading.
constexpr int kCheckpointsTried = 5;

bool fits(const catalog::Checkpoint& checkpoint, const WalArchive& archive) {
  return checkpoint.inventory.incarnation == archive.incarnation() &&
         checkpoint.inventory.segment_size == archive.segment_size();
}

}  // namespace

std::optional<catalog::Checkpoint> newest_checkpoint(const WalArchive& archive) {
  std::vector<std::string> names;
  archive.repository().store().list(catalog::checkpoints_folder(archive.incarnation()), "",
                                    [&](const ObjectInfo& object) {
                                      names.push_back(object.name);
                                      return names.size() < kCheckpointsTried;
                                    });
  for (const std::string& name : names) {
    try {
      const auto content = archive.repository().find(codec::ObjectKind::checkpoint, name);
      if (!content) continue;
      catalog::Checkpoint checkpoint = catalog::Checkpoint::parse(*content);
      if (fits(checkpoint, archive)) return checkpoint;
      log_warning("repository",
                  fmt::format("checkpoint {} stands for another cluster and is passed over", name));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::mismatch) throw;
      log_warning("repository", fmt::format("checkpoint {} is passed over: {}", name, error.what()));
    }
  }
  return std::nullopt;
}

InventoryReading read_everything(const WalArchive& archive, CheckpointBasis basis) {
  auto checkpoint = basis == CheckpointBasis::newest_checkpoint ? newest_checkpoint(archive) : std::nullopt;
  return with_fresh_listing([&] {
    InventoryReading reading;
    std::vector<catalog::Checkpoint::Position> known;
    if (checkpoint) {
      reading.inventory = checkpoint->inventory;
      reading.last_backup = checkpoint->last_backup;
      reading.last_mark = checkpoint->last_mark;
      known = checkpoint->wal_positions;
    }
    reading.inventory.incarnation = archive.incarnation();
    reading.inventory.segment_size = archive.segment_size();
    reading.inventory.repository = archive.repository().name();
    read_wal_listing(archive, known, reading);
    read_backup_listing(archive, reading);
    read_mark_listing(archive, reading);
    return reading;
  });
}

}  // namespace tidemark::repository
