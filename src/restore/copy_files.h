#pragma once
// The files of a backup into the target directory, everything but pg_control: `jobs` workers, each reading an
// extent, checking it and writing it at its place; zero extents stay holes. Nothing is durable before
// sync_files().

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "catalog/manifest.h"
#include "disk/durable_ops.h"
#include "repository/backup_store.h"
#include "restore/tablespaces.h"
#include "restore/target_directory.h"
#include "tidemark/progress.h"
#include "tidemark/stop.h"

namespace tidemark::restore {

struct CopyRequest {
  std::shared_ptr<repository::Repository> repository;
  catalog::Incarnation incarnation;
  const catalog::Manifest* manifest = nullptr;  // outlives the call
  std::filesystem::path target;
  std::vector<PlacedTablespace> placed;
  std::optional<std::string> wanted_user;
  int jobs = 2;
};
struct CopyResult {
  std::uint64_t files = 0, bytes = 0, hole_bytes = 0, stored_bytes = 0;
};
// Errors: corrupt (an extent, or a file whose extents do not add up to its size), io, and what the repository
// throws.
CopyResult copy_files(const CopyRequest& request, const Ownership& ownership, disk::DurableOps& ops,
                      Progress& progress, const StopToken& stop);

// The owner's name as the backup's first entries have it; empty when none is recorded.
std::string recorded_owner(const repository::BackupStore& store, const catalog::Manifest& manifest);

// Every file and folder below the target and the tablespaces durable, by `jobs` threads.
void sync_files(const std::filesystem::path& target, const std::vector<PlacedTablespace>& placed, int jobs,
                disk::DurableOps& ops, const StopToken& stop);

}  // namespace tidemark::restore
