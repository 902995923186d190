#pragma once
// The folder that a restore fills: what may be in it before, and how an interrupted restore is told from
// somebody's data. A restore that is under way has no global/pg_control yet, so no server can start in it,
// and carries our marker; only such a folder is ever cleaned.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "disk/durable_ops.h"
#include "restore/tablespaces.h"

namespace tidemark::restore {

inline constexpr std::string_view kUnfinishedMarker = "tidemark.restoring";
inline constexpr std::string_view kStateFile = "tidemark.restore.json";
inline constexpr std::string_view kReceiptFile = "tidemark.receipt.json";
inline constexpr std::string_view kServerLog = "tidemark.server.log";
inline constexpr std::string_view kControlFile = "global/pg_control";
inline constexpr std::string_view kPendingControlFile = "global/pg_control.tidemark";

enum class TargetState {
  absent,
  empty,
  unfinished,  // our marker or our pending pg_control, and no pg_control
  occupied,
};
TargetState look_at_target(const std::filesystem::path& target);

// Whom the files belong to: the server's user when we are root, ourselves otherwise.
struct Ownership {
  bool change = false;
  uid_t user = 0;
  gid_t group = 0;
  std::string user_name;
};
// `wanted`: from the caller; `recorded`: the owner's name in the backup. Error refused when we are root and
// no user of those names exists, or when `wanted` is another than ourselves and we are not root.
Ownership choose_ownership(const std::optional<std::string>& wanted, const std::string& recorded);
void give(disk::DurableOps& ops, const std::filesystem::path& path, const Ownership& ownership);

// Errors refused, nothing touched; each with the figures or paths it is about. `need_bytes` on the target's
// file system (tablespaces on others are not known apart and count as the target's).
void refuse_unfit_target(const std::filesystem::path& target, const std::vector<PlacedTablespace>& placed,
                         std::uint64_t need_bytes);

// The marker is durable on return; it remembers the tablespaces' folders. `version_folder` is
// PG_15_202209061.
void begin_target(disk::DurableOps& ops, const std::filesystem::path& target,
                  const std::vector<PlacedTablespace>& placed, const std::string& version_folder,
                  const Ownership& ownership);
// Removes what an unfinished restore left: everything below the target and the tablespaces' version folders
// that its marker names. The marker goes last.
void clean_unfinished(disk::DurableOps& ops, const std::filesystem::path& target);
// The last step: the marker away, then pg_control under its name. Everything else must be durable before.
void finish_target(disk::DurableOps& ops, const std::filesystem::path& target, ByteView control_file,
                   const Ownership& ownership);

}  // namespace tidemark::restore
