#pragma once
// Starting and stopping a PostgreSQL server that we restored. The postmaster is our child in a session of its
// own, which survives us; its exit status is thus known, which pg_ctl would swallow. When we run as root the
// server is started as the owner of its data directory (PostgreSQL refuses root).

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/stop.h"

namespace tidemark::postgres {

// Directory with pg_ctl and postgres of that major version: `wanted` when given, else $PATH, else
// /usr/lib/postgresql/<major>/bin, /usr/pgsql-<major>/bin. Error not_found with a hint naming the option.
std::filesystem::path find_server_binaries(int major, const std::optional<std::filesystem::path>& wanted);

struct ServerStart {
  std::filesystem::path binaries;
  std::filesystem::path data_directory;
  std::filesystem::path log_file;     // the server's output until its own logging takes over
  std::vector<std::string> settings;  // "name=value", passed as -c
};

class ServerProcess {
 public:
  // Returns once the postmaster was launched (not: once it accepts connections). Error unavailable with the
  // log's tail.
  explicit ServerProcess(const ServerStart& start);
  ~ServerProcess();  // leaves the server running
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  bool running() const;  // by postmaster.pid and the process itself
  std::optional<int> exit_status() const;
  enum class Shutdown { fast, immediate };
  void stop(Shutdown how, std::chrono::seconds limit);
  std::string log_tail(std::size_t lines) const;  // for messages: why it did not start
 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Is a postmaster alive in this directory (postmaster.pid names a living process)? Never trusts the file
// alone.
std::optional<long> live_postmaster(const std::filesystem::path& data_directory);

}  // namespace tidemark::postgres
