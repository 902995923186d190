#pragma once
// The real `tidemark` program against a cluster of the harness: its configuration, its folders, its service
// in the background, and its commands with their JSON read back. It runs as the server's user, as on a
// database host.

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/postgres_cluster.h"
#include "harness/program.h"

namespace tidemark::test {

using Json = nlohmann::json;

struct TidemarkOptions {
  bool encrypted = true;
  std::string rpo = "1s";
  std::string timezone;                                 // of the cluster; "": none
  std::vector<std::string> repositories = {"local"};    // each a folder of that name; all are required
  std::optional<std::filesystem::path> data_directory;  // unset: the cluster's
};

// How a command with --json ended.
struct CommandResult {
  int exit_status = 0;
  Json document;       // what it printed; null when that was no JSON
  Json error;          // {"code","message","hint"}; null when there was none
  std::string errors;  // all of standard error

  std::string code() const;  // of the error; "" for none
  std::string hint() const;
  std::string told() const;  // for messages of tests: status and whatever was printed
};

// One thread uses it; the service ends with that thread.
class TidemarkProgram {
 public:
  // `binary`: the program under test. Writes configuration and key; `init` is the caller's.
  TidemarkProgram(std::filesystem::path binary, const PostgresCluster& cluster,
                  const TidemarkOptions& options = {});
  ~TidemarkProgram();
  TidemarkProgram(const TidemarkProgram&) = delete;
  TidemarkProgram& operator=(const TidemarkProgram&) = delete;

  const std::filesystem::path& folder() const;  // everything lies below; restores go here too
  std::filesystem::path repository(const std::string& name = "local") const;
  const std::filesystem::path& configuration() const;

  // Runs a command to its end, with --config and --json.
  CommandResult run(const std::vector<std::string>& arguments,
                    std::chrono::seconds timeout = std::chrono::seconds(120)) const;
  // The same for one that must succeed: Error internal with everything it said otherwise.
  Json must(const std::vector<std::string>& arguments) const;
  // A command in the background; its output goes to <folder>/<name>.log.
  std::unique_ptr<Process> begin(const std::vector<std::string>& arguments, const std::string& name) const;

  // The service. start_service() returns when the primary streams to it.
  void start_service();
  void stop_service();  // SIGTERM, and waits; Error internal when it does not end with 0
  void kill_service();  // SIGKILL
  bool service_running() const;
  std::string service_log() const;
  // Returns when everything that is committed by now is in every required repository.
  void wait_until_archived();
  // Returns when the service has asked the primary how it stands: what happened before is seen.
  void wait_until_looked_at();

  // `list --json` of the one cluster.
  Json list() const;
  Json only_window() const;  // Error internal when there is not exactly one

  // The same configuration, but with the first repository's folder elsewhere: a copy that a test damages.
  // Commands of the returned object see that one; it has no service.
  std::unique_ptr<TidemarkProgram> with_repository_copy(const std::string& name) const;

 private:
  struct State;
  explicit TidemarkProgram(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::test
