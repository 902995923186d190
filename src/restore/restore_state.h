#pragma once
// tidemark.restore.json in a restored directory: what the restore planned, for `wal fetch`, which the server
// runs there, and for people. No secrets: the configuration file is named, not copied. Gone when recovery has
// ended.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "catalog/object_names.h"
#include "disk/durable_ops.h"
#include "restore/target_directory.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/segment_name.h"
#include "wal/timeline_history.h"

namespace tidemark::restore {

struct RestoreState {
  std::string session;  // 16 hex digits, new for every restore
  std::string configuration_file, cluster;
  std::vector<std::string> repositories;  // names, in order of preference
  catalog::Incarnation incarnation;
  wal::SegmentSize segment_size;
  TimelineId timeline;  // of the target
  std::vector<wal::TimelineSpan> path;
  Lsn wal_from, wal_to;     // what replay needs; the plan proved it present
  std::string claim_owner;  // who claims the timeline that promotion will take
  bool claims = true;       // false: no number is claimed (drills)
  std::string requested;    // the target as it was typed
  bool operator==(const RestoreState&) const = default;
};
std::string render_state(const RestoreState& state);
RestoreState parse_state(std::string_view text);  // Error corrupt

void write_state(disk::DurableOps& ops, const std::filesystem::path& data_directory,
                 const RestoreState& state, const Ownership& ownership);
// nullopt: this is no restored directory, or recovery has ended.
std::optional<RestoreState> find_state(const std::filesystem::path& data_directory);

}  // namespace tidemark::restore
