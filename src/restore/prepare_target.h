#pragma once
// From an accepted plan to a directory in which a server could be started: files, recovery settings, and all
// of it durable. pg_control is the last thing written.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/manifest.h"
#include "restore/copy_files.h"
#include "restore/planning.h"
#include "restore/restore_job.h"
#include "restore/restore_state.h"
#include "restore/server_place.h"
#include "restore/target_directory.h"

namespace tidemark::restore {

// What the refusals learned; made before anything is touched.
struct Preparation {
  catalog::Manifest manifest;
  int major = 0;
  Ownership ownership;
  std::vector<PlacedTablespace> placed;
  std::optional<std::filesystem::path> binaries;     // with start
  TargetAction server_action = TargetAction::pause;  // what PostgreSQL does by itself at the target
  std::vector<std::string> notes;
};
Preparation check_before(const RestoreOptions& options, const ChosenSource& chosen);

struct PreparedTarget {
  CopyResult copied;
  RestoreState state;
  ServerPlace place;  // with start
  std::vector<std::string> notes;
};
PreparedTarget prepare_target(const RestoreOptions& options, const ChosenSource& chosen,
                              const Preparation& preparation, const std::vector<std::string>& repositories,
                              disk::DurableOps& ops, Progress& progress, const StopToken& stop);

// A small file of ours in the data directory; not yet durable, replaces what is there.
void put_file(disk::DurableOps& ops, const std::filesystem::path& file, std::string_view text,
              const Ownership& ownership);

}  // namespace tidemark::restore
