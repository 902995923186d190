#pragma once
// Inside the harness: one postmaster on one data directory, reached over a socket in a folder of ours.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/connection.h"

namespace tidemark::test {

struct ServerPlace {
  std::filesystem::path binaries;
  std::filesystem::path data_directory;
  std::filesystem::path socket_directory;
  std::filesystem::path log_file;
  int port = 5432;
  std::vector<std::string> settings;  // "name=value", passed as -c
};

class RunningServer {
 public:
  explicit RunningServer(ServerPlace place) : place_(std::move(place)) {}
  ~RunningServer();
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  const ServerPlace& place() const { return place_; }
  void start();  // returns when it answers queries; Error internal with the log when it does not
  // Takes over a postmaster that runs there already, with the socket it has; false when there is none.
  bool adopt();
  void stop(const std::string& mode);
  void kill();
  bool running() const;
  std::string connection_string(const std::string& database) const;
  postgres::Connection connect(const std::string& database) const;
  std::string sql(const std::string& statement, const std::string& database) const;
  std::string run(const std::string& program, const std::vector<std::string>& arguments) const;
  std::string log() const;

 private:
  bool answers() const;
  bool gone();

  ServerPlace place_;
  std::optional<int> child_;  // a postmaster that we started and must reap
};

}  // namespace tidemark::test
