#pragma once
// A throw-away PostgreSQL server for tests: real initdb, real postmaster, unix socket only, removed at the end. When the
// test runs as root the server runs as user postgres and its folder belongs to it.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "postgres/connection.h"

namespace tidemark::test {

// Every test's own scratch folder, readable by the server's user; removed in the destructor unless TIDEMARK_KEEP is set.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct ClusterOptions {
  int major = 15;
  std::uint32_t segment_megabytes = 16;
  bool checksums = true;
  std::vector<std::string> settings;  // "name = value" lines for postgresql.conf, after the harness's own
};

class PostgresCluster {
 public:
  explicit PostgresCluster(const ClusterOptions& options = {});  // initdb and start
  ~PostgresCluster();                                            // immediate stop, removes everything
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  const std::filesystem::path& data_directory() const;
  std::string connection_string(const std::string& database = "postgres") const;  // superuser over the socket
  postgres::Connection connect(const std::string& database = "postgres") const;
  std::string sql(const std::string& statement) const;  // first column of the first row, "" when there is none
  void start();
  void stop(const std::string& mode = "fast");  // fast, immediate, smart
  void kill();                                  // SIGKILL to the postmaster and all its children
  bool running() const;
  // Runs one of PostgreSQL's programs as the server's user and returns its output; throws when it fails.
  std::string run(const std::string& program, const std::vector<std::string>& arguments) const;
  std::filesystem::path binaries() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A cluster that was restored by a test (a data directory that exists): start, query, stop.
class RestoredServer {
 public:
  RestoredServer(std::filesystem::path data_directory, int major = 15);
  ~RestoredServer();
  std::string sql(const std::string& statement, const std::string& database = "postgres") const;
  std::string run(const std::string& program, const std::vector<std::string>& arguments) const;
  std::string connection_string(const std::string& database = "postgres") const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::test
