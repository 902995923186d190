#include "restore/wal_fetch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <thread>

#include "disk/directory_walk.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::restore {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kLook = 2ms;

void write_destination(disk::DurableOps& ops, const fs::path& destination, ByteView bytes) {
  const fs::path making = destination.parent_path() / disk::temporary_name();
  try {
    const auto file = ops.create_file(making, disk::kPrivateFile);
    file->write_at(0, bytes);
    file->close();
    ops.rename_over(making, destination);
  } catch (const Error&) {
    ops.unlink(making);
    throw;
  }
}

// nullopt: the prefetcher went away before it answered.
std::optional<FetchOutcome> ask_prefetcher(const ReadyFolder& folder, const FetchRequest& request,
                                           const fs::path& destination, disk::DurableOps& ops,
                                           const StopToken& stop) {
  const auto end = std::chrono::steady_clock::now() + request.patience;
  folder.ask(ops, request.name);
  while (!stop.stop_requested()) {
    if (folder.take(ops, request.name, destination)) {
      folder.forget_question(ops, request.name);
      return FetchOutcome::fetched;
    }
    if (const auto answer = folder.take_answer(ops, request.name)) {
      if (*answer == "absent") return FetchOutcome::absent;
      throw Error(ErrorKind::unavailable,
                  fmt::format("the restore cannot give {}: {}", request.name, *answer));
    }
    if (!folder.served()) return std::nullopt;
    if (std::chrono::steady_clock::now() > end) {
      throw Error(ErrorKind::unavailable,
                  fmt::format("no answer within {} s for {}", request.patience.count(), request.name));
    }
    std::this_thread::sleep_for(kLook);
  }
  throw Error(ErrorKind::interrupted, fmt::format("fetching {} was stopped", request.name));
}

FetchOutcome fetch_alone(const FetchRequest& request, const std::optional<RestoreState>& state,
                         const fs::path& destination, disk::DurableOps& ops) {
  const auto files = request.open_files(state);
  const auto bytes = files->get(request.name);
  if (!bytes) return FetchOutcome::absent;
  write_destination(ops, destination, *bytes);
  return FetchOutcome::fetched;
}

}  // namespace

std::string standing_session(const RestoreState& state) { return "standing-" + state.session; }

FetchOutcome fetch_wal(const FetchRequest& request, disk::DurableOps& ops, const StopToken& stop) {
  if (request.name.find('/') != std::string::npos || request.name.empty()) {
    throw Error(ErrorKind::usage, fmt::format("`{}` is no name of a WAL file", request.name));
  }
  const fs::path destination =
      request.destination.is_absolute() ? request.destination : request.data_directory / request.destination;
  const auto state = find_state(request.data_directory);
  if (!state) return fetch_alone(request, state, destination, ops);
  for (const std::string& session : {state->session, standing_session(*state)}) {
    const ReadyFolder folder(request.data_directory, session);
    if (!folder.served()) continue;
    if (const auto outcome = ask_prefetcher(folder, request, destination, ops, stop)) return *outcome;
  }
  const FetchOutcome outcome = fetch_alone(request, state, destination, ops);
  // History files are small and come before segments: a prefetcher started now works while the server begins.
  if (request.start_prefetcher && outcome == FetchOutcome::fetched) {
    try {
      request.start_prefetcher();
    } catch (const Error& failure) {
      log_warning("restore", fmt::format("WAL is fetched file by file: {}", failure.what()));
    }
  }
  return outcome;
}

bool serve_wal(const fs::path& data_directory,
               const std::function<std::unique_ptr<WalFiles>(const std::optional<RestoreState>&)>& open_files,
               std::chrono::seconds idle, disk::DurableOps& ops, const StopToken& stop) {
  const auto state = find_state(data_directory);
  if (!state) return false;
  const auto files = open_files(state);
  const ReadyFolder folder(data_directory, standing_session(*state));
  const Ownership ownership{false, ::geteuid(), ::getegid(), {}};
  folder.create(ops, ownership);
  PrefetchLimits limits;
  limits.durable = true;
  try {
    const Prefetcher prefetcher(*files, folder, ownership, limits, ops, stop);
    while (!stop.stop_requested() && disk::path_exists(data_directory / kStateFile) &&
           std::chrono::steady_clock::now() - prefetcher.last_request() < idle) {
      std::this_thread::sleep_for(100ms);
    }
  } catch (const Error& failure) {
    if (failure.kind() == ErrorKind::mismatch) return false;  // another one was faster
    throw;
  }
  folder.clear(ops);
  return true;
}

}  // namespace tidemark::restore
