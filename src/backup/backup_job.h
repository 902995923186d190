#pragma once
// A full backup of a running cluster whose data directory lies on this host: design.md "A block of data",
// postgres-notes 3.
//
// The backup exists when its manifest does; whatever ends the job before leaves packs that nobody refers to,
// and `begun`. Every extent is read and its pages are checked once; hashing, compression and encryption are
// done for each repository, because their keys and hash seeds differ.
//
// For whoever deletes: a manifest may list other backups in `owners` that have no manifest themselves
// (broken-off ones whose frames were found equal and taken over). Their packs live as long as a manifest
// lists them, and while a young `begun` names the broken-off backup as its parent.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catalog/manifest.h"
#include "postgres/connection.h"
#include "repository/repository.h"
#include "tidemark/clock.h"
#include "tidemark/progress.h"
#include "tidemark/stop.h"

namespace tidemark::backup {

// WAL that must be in every target before the manifest may be stored: [start, stop) of one timeline, without
// a hole.
struct WalNeed {
  TimelineId timeline;
  Lsn start, stop;
};

struct BackupOptions {
  postgres::ConnectionOptions connection;
  std::filesystem::path data_directory;
  std::string cluster;             // its name in the configuration
  std::string slot;                // whose activity shows that WAL is archived; empty: not looked at
  std::string label = "tidemark";  // in backup_label
  int jobs = 2;
  bool fast_checkpoint = true;
  std::uint64_t memory_limit_bytes = 256ULL << 20;     // for packs in the making; bounds their size
  std::chrono::seconds checkpoint_limit{2 * 60 * 60};  // a spread checkpoint takes its time
  std::chrono::seconds wal_limit{10 * 60};             // without any progress of the archive
  std::chrono::hours reuse_age{7 * 24};  // frames of older broken-off backups are not looked for
  // Refuse before anything is done where nothing seems to archive WAL. The service, which streams it, knows
  // better.
  bool check_archiving = true;
  // Returns once the WAL is in every target, or throws. Empty: polls the repositories.
  std::function<void(const WalNeed&)> ensure_wal_archived;
};

struct BackupTimings {
  Microseconds start{}, copy{}, stop{}, wal{},
      finish{};  // pg_backup_start, files, pg_backup_stop, WAL, manifest
};

struct BackupResult {
  catalog::BackupHeader header;             // as the first target has it
  std::vector<catalog::BadPage> bad_pages;  // at most 1000 of header.bad_page_count
  std::uint64_t reused_bytes = 0;           // stored bytes taken over from a broken-off backup, first target
  std::vector<std::string> warnings;        // names that could not be read; bad pages
  BackupTimings timings;
};

// `targets`: every repository that must hold the backup, at least one; when storing in one fails, the job
// fails (a manifest that another target already has stays: that backup is whole). Blocks; a stop ends it with
// Error interrupted. Errors: refused/"wal_not_archived", refused/"foreign_data_directory",
// refused/"wal_level_minimal"; mismatch when the server was promoted meanwhile;
// unavailable/"wal_not_archived" when WAL did not arrive in time; and what server and stores throw.
BackupResult take_full_backup(const BackupOptions& options,
                              const std::vector<std::shared_ptr<repository::Repository>>& targets,
                              Progress& progress, const StopToken& stop, Clock& clock);

}  // namespace tidemark::backup
