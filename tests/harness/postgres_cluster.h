#pragma once
// A throw-away PostgreSQL server for tests: real initdb, real postmaster, unix socket only, removed at the
// end. When the test runs as root the server runs as user postgres and its folder belongs to it. A postmaster
// is killed when the thread that started it ends: make clusters in the test's main thread.
//
// The result of initdb is kept for each (major, segment size, checksums) below /tmp/tidemark-test-cache-<uid>
// and copied; every copy gets a system identifier of its own.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/connection.h"

namespace tidemark::test {

// Every test's own scratch folder, readable by the server's user; removed in the destructor unless
// TIDEMARK_KEEP is set.
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

// Debian's folder, else the npm package's below $TIDEMARK_PG_CACHE (default
// /var/tmp/tidemark-postgres)/<major>.
std::filesystem::path server_binaries(int major);  // Error not_found
bool server_available(int major);                  // tests of other majors are skipped where it is false

// The user the servers run as: "postgres" for root, nothing (the own user) otherwise.
std::optional<std::string> server_user();

struct ClusterOptions {
  int major = 15;
  std::uint32_t segment_megabytes = 16;
  bool checksums = true;
  std::vector<std::string> settings =
      {};             // "name = value" lines for postgresql.conf, after the harness's own
  bool start = true;  // false: only initdb and the configuration
};

class PostgresCluster {
 public:
  explicit PostgresCluster(const ClusterOptions& options = {});  // initdb and start
  // A streaming standby of `primary`: pg_basebackup -R -X stream, and start.
  static std::unique_ptr<PostgresCluster> standby_of(const PostgresCluster& primary,
                                                     const std::vector<std::string>& settings = {});
  ~PostgresCluster();  // immediate stop, removes everything
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  const std::filesystem::path& data_directory() const;
  std::string connection_string(const std::string& database = "postgres") const;  // superuser over the socket
  postgres::Connection connect(const std::string& database = "postgres") const;
  std::string sql(
      const std::string& statement) const;  // first column of the first row, "" when there is none
  void start();
  void stop(const std::string& mode = "fast");  // fast, immediate, smart
  void kill();                                  // SIGKILL to the postmaster and all its children
  bool running() const;
  // Runs one of PostgreSQL's programs as the server's user and returns its output; throws when it fails.
  std::string run(const std::string& program, const std::vector<std::string>& arguments) const;
  std::filesystem::path binaries() const;
  std::filesystem::path socket_directory() const;
  int port() const;
  int major() const;
  std::string log() const;  // the server's log
  void append_configuration(
      const std::vector<std::string>& settings) const;  // to postgresql.conf; reload or restart after
  void promote();                                       // a standby; returns when it accepts writes

 private:
  struct State;
  explicit PostgresCluster(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A cluster that was restored by a test (a data directory that exists): started unless it runs already,
// queried, stopped at the end. It listens on a socket of the harness only. The directory stays.
class RestoredServer {
 public:
  explicit RestoredServer(std::filesystem::path data_directory, int major = 15,
                          const std::vector<std::string>& settings = {});  // each "name=value"
  ~RestoredServer();
  RestoredServer(const RestoredServer&) = delete;
  RestoredServer& operator=(const RestoredServer&) = delete;
  postgres::Connection connect(const std::string& database = "postgres") const;
  std::string log() const;
  void stop(const std::string& mode = "fast");
  std::string sql(const std::string& statement, const std::string& database = "postgres") const;
  std::string run(const std::string& program, const std::vector<std::string>& arguments) const;
  std::string connection_string(const std::string& database = "postgres") const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::test
