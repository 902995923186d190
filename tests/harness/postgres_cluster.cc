#include "harness/postgres_cluster.h"

#include <fmt/format.h>

#include "harness/cluster_template.h"
#include "harness/program.h"
#include "harness/running_server.h"
#include "tidemark/error.h"

namespace tidemark::test {

namespace fs = std::filesystem;

namespace {

// Durable enough for a test's life: the machine does not lose power, and a killed server's writes are in the
// page cache.
constexpr const char* kSettings = R"(
# the test harness's own
listen_addresses = ''
port = 5432
fsync = off
wal_level = replica
max_wal_senders = 10
max_replication_slots = 10
max_connections = 60
max_prepared_transactions = 20
track_commit_timestamp = on
shared_buffers = 64MB
hot_standby = on
log_line_prefix = '%m [%p] %a '
)";

void append_lines(const fs::path& path, const std::vector<std::string>& lines) {
  auto text = read_text_file(path);
  for (const auto& line : lines) text += line + "\n";
  write_text_file(path, text);
}

// A folder of the scratch folder that the server's user may write.
fs::path make_server_folder(const fs::path& path) {
  fs::create_directory(path);
  give_to_server_user(path);
  return path;
}

ServerPlace place_in(const ScratchFolder& scratch, int major) {
  ServerPlace place;
  place.binaries = server_binaries(major);
  const auto home = make_server_folder(scratch.path() / "pg");
  place.data_directory = home / "data";
  place.socket_directory = make_server_folder(scratch.path() / "s");
  place.log_file = scratch.path() / "server.log";
  return place;
}

}  // namespace

struct PostgresCluster::State {
  ScratchFolder scratch;
  int major;
  RunningServer server;
  explicit State(int wanted) : major(wanted), server(place_in(scratch, wanted)) {}

  fs::path configuration() const { return server.place().data_directory / "postgresql.conf"; }
};

PostgresCluster::PostgresCluster(const ClusterOptions& options)
    : state_(std::make_unique<State>(options.major)) {
  const auto& place = state_->server.place();
  make_data_directory(options, place.data_directory);
  append_lines(state_->configuration(),
               {kSettings, fmt::format("unix_socket_directories = '{}'", place.socket_directory.string())});
  append_lines(state_->configuration(), options.settings);
  if (options.start) state_->server.start();
}

PostgresCluster::PostgresCluster(std::unique_ptr<State> state) : state_(std::move(state)) {}

PostgresCluster::~PostgresCluster() = default;

std::unique_ptr<PostgresCluster> PostgresCluster::standby_of(const PostgresCluster& primary,
                                                             const std::vector<std::string>& settings) {
  auto state = std::make_unique<State>(primary.major());
  const auto& place = state->server.place();
  primary.run("pg_basebackup",
              {"-D", place.data_directory.string(), "-R", "-X", "stream", "-c", "fast", "--no-sync"});
  append_lines(state->configuration(),
               {fmt::format("unix_socket_directories = '{}'", place.socket_directory.string()),
                "wal_retrieve_retry_interval = '100ms'"});
  append_lines(state->configuration(), settings);
  state->server.start();
  return std::unique_ptr<PostgresCluster>(new PostgresCluster(std::move(state)));
}

const fs::path& PostgresCluster::data_directory() const { return state_->server.place().data_directory; }
std::string PostgresCluster::connection_string(const std::string& database) const {
  return state_->server.connection_string(database);
}
postgres::Connection PostgresCluster::connect(const std::string& database) const {
  return state_->server.connect(database);
}
std::string PostgresCluster::sql(const std::string& statement) const {
  return state_->server.sql(statement, "postgres");
}
void PostgresCluster::start() { state_->server.start(); }
void PostgresCluster::stop(const std::string& mode) { state_->server.stop(mode); }
void PostgresCluster::kill() { state_->server.kill(); }
bool PostgresCluster::running() const { return state_->server.running(); }
std::string PostgresCluster::run(const std::string& program,
                                 const std::vector<std::string>& arguments) const {
  return state_->server.run(program, arguments);
}
fs::path PostgresCluster::binaries() const { return state_->server.place().binaries; }
fs::path PostgresCluster::socket_directory() const { return state_->server.place().socket_directory; }
int PostgresCluster::port() const { return state_->server.place().port; }
int PostgresCluster::major() const { return state_->major; }
std::string PostgresCluster::log() const { return state_->server.log(); }

void PostgresCluster::append_configuration(const std::vector<std::string>& settings) const {
  append_lines(state_->configuration(), settings);
}

void PostgresCluster::promote() {
  sql("SELECT pg_promote(true, 60)");
  if (!eventually([&] { return sql("SELECT pg_is_in_recovery()") == "f"; })) {
    throw Error(ErrorKind::internal, "the standby was not promoted:\n" + log());
  }
}

struct RestoredServer::State {
  ScratchFolder scratch;
  RunningServer server;

  State(fs::path data_directory, int major, const std::vector<std::string>& settings)
      : server(place(scratch, std::move(data_directory), major, settings)) {
    if (!server.adopt()) server.start();
  }

  static ServerPlace place(const ScratchFolder& scratch, fs::path data_directory, int major,
                           const std::vector<std::string>& settings) {
    ServerPlace place;
    place.binaries = server_binaries(major);
    place.data_directory = std::move(data_directory);
    place.socket_directory = make_server_folder(scratch.path() / "s");
    place.log_file = scratch.path() / "server.log";
    place.settings = {"listen_addresses=", "port=5432",
                      "unix_socket_directories=" + place.socket_directory.string()};
    place.settings.insert(place.settings.end(), settings.begin(), settings.end());
    return place;
  }
};

RestoredServer::RestoredServer(fs::path data_directory, int major, const std::vector<std::string>& settings)
    : state_(std::make_unique<State>(std::move(data_directory), major, settings)) {}
RestoredServer::~RestoredServer() = default;
std::string RestoredServer::sql(const std::string& statement, const std::string& database) const {
  return state_->server.sql(statement, database);
}
std::string RestoredServer::run(const std::string& program, const std::vector<std::string>& arguments) const {
  return state_->server.run(program, arguments);
}
std::string RestoredServer::connection_string(const std::string& database) const {
  return state_->server.connection_string(database);
}
postgres::Connection RestoredServer::connect(const std::string& database) const {
  return state_->server.connect(database);
}
std::string RestoredServer::log() const { return state_->server.log(); }
void RestoredServer::stop(const std::string& mode) { state_->server.stop(mode); }

}  // namespace tidemark::test
