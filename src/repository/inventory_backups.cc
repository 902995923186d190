// The backups' part of an inventory.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "repository/backup_store.h"
#include "repository/inventory_reading.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::repository {
namespace {

void read_backup(const BackupStore& store, const BackupId& id, catalog::Inventory& inventory) {
  try {
    if (auto header = store.find_header(id)) {
      inventory.backups.push_back(std::move(*header));
    } else if (auto begun = store.find_begun(id)) {
      inventory.begun.push_back(std::move(*begun));
    }
  } catch (const Error& error) {
    // One damaged backup must not hide the others.
    if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::mismatch) throw;
    log_warning("repository", fmt::format("backup {} is left out: {}", id.to_string(), error.what()));
  }
}

}  // namespace

void read_backup_listing(const WalArchive& archive, InventoryReading& reading) {
  catalog::Inventory& inventory = reading.inventory;
  // The store is only read.
  const BackupStore store(archive.shared_repository(), archive.incarnation());
  std::map<BackupId, catalog::BackupHeader> known;
  for (catalog::BackupHeader& header : inventory.backups) known.emplace(header.id, std::move(header));
  inventory.backups.clear();
  inventory.begun.clear();
  // A backup that was begun before the checkpoint may be finished now, and one that it knows may be gone.
  for (const BackupId& id : store.list()) {
    reading.last_backup = std::max(reading.last_backup, id);
    const auto found = known.find(id);
    if (found != known.end()) {
      inventory.backups.push_back(std::move(found->second));
    } else {
      read_backup(store, id, inventory);
    }
  }
  std::ranges::stable_sort(inventory.backups, [](const auto& left, const auto& right) {
    return std::tie(left.start, left.id) < std::tie(right.start, right.id);
  });
}

}  // namespace tidemark::repository
