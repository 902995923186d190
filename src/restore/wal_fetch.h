#pragma once
// `tidemark wal fetch NAME PATH`, PostgreSQL's restore_command: postgres-notes 6.1. PostgreSQL takes exit
// status 1 for the end of the WAL and everything above 125 for a failure that it must not go on after, so the
// caller maps: fetched 0, absent 1, any Error kWalFetchFailed. Nothing else may be returned.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "disk/durable_ops.h"
#include "restore/prefetcher.h"
#include "restore/restore_state.h"
#include "restore/wal_files.h"

namespace tidemark::restore {

inline constexpr int kWalFetchFailed = 126;

enum class FetchOutcome { fetched = 0, absent = 1 };  // values: exit statuses

struct FetchRequest {
  std::string name;                      // %f
  std::filesystem::path destination;     // %p; relative to the data directory
  std::filesystem::path data_directory;  // where the server runs restore_command: the current directory
  std::chrono::seconds patience{600};    // for an answer of a living prefetcher
  // Opens the archives; called only when no prefetcher answers, so that a server whose user may not read the
  // repository can still ask the restore that runs. `state`: what find_state() found.
  std::function<std::unique_ptr<WalFiles>(const std::optional<RestoreState>& state)> open_files;
  // Starts, detached from us, a program that calls serve_wal() for the data directory: after the first file,
  // when nobody serves yet. Empty: every request is answered alone.
  std::function<void()> start_prefetcher;
};
// One request. A destination is complete under its name or not there.
FetchOutcome fetch_wal(const FetchRequest& request, disk::DurableOps& ops, const StopToken& stop);

// The detached prefetcher: fills the ready folder of the restored directory until its plan is delivered and
// recovery has been silent for `idle`, the state file is gone, or a stop. False at once when another one
// serves.
bool serve_wal(const std::filesystem::path& data_directory,
               const std::function<std::unique_ptr<WalFiles>(const std::optional<RestoreState>&)>& open_files,
               std::chrono::seconds idle, disk::DurableOps& ops, const StopToken& stop);

// The ready folder's session of a restore without --start: it outlives processes, so what is in it is synced.
std::string standing_session(const RestoreState& state);

}  // namespace tidemark::restore
