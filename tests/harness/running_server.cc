#include "harness/running_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>

#include "harness/cluster_template.h"
#include "harness/program.h"
#include "postgres/server_control.h"
#include "postgres/spawn.h"
#include "tidemark/error.h"

namespace tidemark::test {

namespace fs = std::filesystem;

namespace {

constexpr auto kStartLimit = std::chrono::seconds(120);
constexpr auto kStopLimit = std::chrono::seconds(120);

std::optional<postgres::UserIdentity> identity() {
  const auto user = server_user();
  if (!user) return std::nullopt;
  const auto* entry = ::getpwnam(user->c_str());
  if (entry == nullptr) throw Error(ErrorKind::not_found, "no user " + *user);
  return postgres::UserIdentity{entry->pw_uid, entry->pw_gid};
}

int signal_for(const std::string& mode) {
  if (mode == "fast") return SIGINT;
  if (mode == "immediate") return SIGQUIT;
  if (mode == "smart") return SIGTERM;
  throw Error(ErrorKind::usage, "no way to stop a server: " + mode);
}

// Parent of a process by /proc/<pid>/stat; the program's name in it may hold blanks and parentheses.
long parent_of(const fs::path& process) {
  const auto text = read_text_file(process / "stat");
  const auto at = text.rfind(") ");
  if (at == std::string::npos || at + 4 > text.size()) return 0;
  return std::strtol(text.c_str() + at + 4, nullptr, 10);
}

std::vector<pid_t> children_of(long parent) {
  std::vector<pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const long pid = std::strtol(entry.path().filename().c_str(), nullptr, 10);
    if (pid > 0 && parent_of(entry.path()) == parent) children.push_back(static_cast<pid_t>(pid));
  }
  return children;
}

bool process_ended(pid_t pid) {
  const auto text = read_text_file(fmt::format("/proc/{}/stat", pid));
  const auto at = text.rfind(") ");
  return text.empty() || (at != std::string::npos && text.compare(at + 2, 1, "Z") == 0);
}

}  // namespace

RunningServer::~RunningServer() {
  try {
    kill();
  } catch (const std::exception&) {
    // A test's end: what cannot be killed dies with the test program.
  }
}

void RunningServer::start() {
  postgres::SpawnOptions options;
  options.program = (place_.binaries / "postgres").string();
  options.arguments = {"-D", place_.data_directory.string()};
  for (const auto& setting : place_.settings)
    options.arguments.insert(options.arguments.end(), {"-c", setting});
  options.environment = postgres::inherited_environment(
      {"PGDATA", "PGPORT", "PGDATESTYLE", "PGCLIENTENCODING", "LC_ALL", "LANG"});
  options.environment.emplace_back("LC_ALL=C");
  options.as = identity();
  options.working_directory = place_.data_directory;
  options.new_session = true;
  options.signal_when_parent_ends = SIGQUIT;
  const int log = ::open(place_.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) throw errno_error(errno, "opening " + place_.log_file.string());
  options.output = options.errors = log;
  child_ = postgres::spawn(options);
  ::close(log);
  const bool up = eventually([&] { return answers() || gone(); }, kStartLimit);
  if (!up || gone()) throw Error(ErrorKind::internal, "the test's server did not start:\n" + this->log());
}

bool RunningServer::answers() const {
  if (postgres::live_postmaster(place_.data_directory) != child_) return false;
  // The last line of postmaster.pid says when connections are welcome; pg_ctl looks there too.
  const auto text = read_text_file(place_.data_directory / "postmaster.pid");
  return text.find("ready") != std::string::npos || text.find("standby") != std::string::npos;
}

// Has the postmaster that we started ended?
bool RunningServer::gone() {
  if (!child_) return true;
  if (!postgres::reap(*child_, false)) return false;
  child_.reset();
  return true;
}

bool RunningServer::adopt() {
  if (!postgres::live_postmaster(place_.data_directory)) return false;
  std::ifstream file(place_.data_directory / "postmaster.pid");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (lines.size() < 5) throw Error(ErrorKind::internal, "postmaster.pid is incomplete");
  place_.port = std::stoi(lines[3]);
  place_.socket_directory = lines[4];
  return true;
}

bool RunningServer::running() const { return postgres::live_postmaster(place_.data_directory).has_value(); }

void RunningServer::stop(const std::string& mode) {
  const auto postmaster = postgres::live_postmaster(place_.data_directory);
  if (!postmaster) return;
  if (::kill(static_cast<pid_t>(*postmaster), signal_for(mode)) != 0)
    throw errno_error(errno, "stopping the server");
  const bool stopped = eventually(
      [&] { return (child_ && gone()) || process_ended(static_cast<pid_t>(*postmaster)); }, kStopLimit);
  if (!stopped) throw Error(ErrorKind::internal, "the test's server did not stop:\n" + log());
  if (child_) gone();
}

void RunningServer::kill() {
  const auto postmaster = postgres::live_postmaster(place_.data_directory);
  if (!postmaster) return;
  // The postmaster first stands still, so that it starts no more children while they are counted.
  ::kill(static_cast<pid_t>(*postmaster), SIGSTOP);
  auto all = children_of(*postmaster);
  all.push_back(static_cast<pid_t>(*postmaster));
  for (const auto pid : all) ::kill(pid, SIGKILL);
  eventually([&] {
    if (child_) gone();
    return std::all_of(all.begin(), all.end(), process_ended);
  });
}

std::string RunningServer::connection_string(const std::string& database) const {
  return fmt::format("host={} port={} user=postgres dbname={}", place_.socket_directory.string(), place_.port,
                     database);
}

postgres::Connection RunningServer::connect(const std::string& database) const {
  postgres::ConnectionOptions options;
  options.connection_string = connection_string(database);
  options.application_name = "test";
  return postgres::Connection(options, StopToken());
}

std::string RunningServer::sql(const std::string& statement, const std::string& database) const {
  auto connection = connect(database);
  const auto rows = connection.query(statement);
  if (rows.rows.empty() || rows.rows.front().empty()) return {};
  return rows.rows.front().front().value_or("");
}

std::string RunningServer::run(const std::string& program, const std::vector<std::string>& arguments) const {
  // The npm packages bring no client programs: Debian's stand in.
  const auto own = place_.binaries / program;
  const auto path = fs::exists(own) ? own : server_binaries(15) / program;
  return run_as_server_user(path, arguments,
                            {{"PGHOST", place_.socket_directory.string()},
                             {"PGPORT", std::to_string(place_.port)},
                             {"PGUSER", "postgres"},
                             {"PGDATABASE", "postgres"}});
}

std::string RunningServer::log() const { return read_text_file(place_.log_file); }

}  // namespace tidemark::test
