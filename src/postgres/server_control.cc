#include "postgres/server_control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <thread>

#include "postgres/spawn.h"
#include "tidemark/error.h"

namespace tidemark::postgres {

namespace fs = std::filesystem;

namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(20);
constexpr auto kLaunchLimit = std::chrono::seconds(30);

bool holds_server(const fs::path& folder) { return ::access((folder / "postgres").c_str(), X_OK) == 0; }

// "postgres (PostgreSQL) 15.20 (Debian ...)": the major of the binaries in a folder; nullopt when they do not
// run.
std::optional<int> major_of(const fs::path& folder) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  SpawnOptions options;
  options.program = (folder / "postgres").string();
  options.arguments = {"--version"};
  options.environment = inherited_environment({});
  options.output = ends[1];
  std::string output;
  try {
    const auto child = spawn(options);
    ::close(ends[1]);
    char buffer[256];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
      output.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    reap(child, true);
  } catch (const Error&) {
    ::close(ends[0]);
    ::close(ends[1]);
    return std::nullopt;
  }
  const auto at = output.find(") ");
  int major = 0;
  if (at == std::string::npos) return std::nullopt;
  const auto parsed = std::from_chars(output.data() + at + 2, output.data() + output.size(), major);
  return parsed.ec == std::errc() ? std::optional(major) : std::nullopt;
}

std::vector<fs::path> usual_folders(int major) {
  std::vector<fs::path> folders;
  if (const char* path = std::getenv("PATH")) {
    std::string left = path;
    while (!left.empty()) {
      const auto end = std::min(left.find(':'), left.size());
      if (end > 0) folders.emplace_back(left.substr(0, end));
      left.erase(0, end + 1);
    }
  }
  folders.emplace_back(fmt::format("/usr/lib/postgresql/{}/bin", major));
  folders.emplace_back(fmt::format("/usr/pgsql-{}/bin", major));
  return folders;
}

std::optional<UserIdentity> owner_when_root(const fs::path& folder) {
  struct stat about {};
  if (::stat(folder.c_str(), &about) != 0) throw errno_error(errno, "looking at " + folder.string());
  if (::geteuid() != 0) return std::nullopt;
  if (about.st_uid == 0) {
    throw Error(ErrorKind::refused,
                fmt::format("data directory {} belongs to root, and PostgreSQL does not run as root",
                            folder.string()))
        .hint("run `chown -R postgres: " + folder.string() + "` or restore as the user postgres");
  }
  return UserIdentity{about.st_uid, about.st_gid};
}

// The log is opened by us, who may write anywhere when we are root, and given to the server's user.
int open_log(const fs::path& path, const std::optional<UserIdentity>& owner) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) throw errno_error(errno, "opening the server's log " + path.string());
  if (owner && ::fchown(descriptor, owner->user, owner->group) != 0) {
    const int reason = errno;
    ::close(descriptor);
    throw errno_error(reason, "giving the server's log to its user: " + path.string());
  }
  return descriptor;
}

bool same_folder(const fs::path& one, const fs::path& other) {
  struct stat first {
  }, second{};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace

fs::path find_server_binaries(int major, const std::optional<fs::path>& wanted) {
  if (wanted) {
    if (!holds_server(*wanted)) {
      throw Error(ErrorKind::not_found, fmt::format("{} holds no program postgres", wanted->string()))
          .hint("name the folder with PostgreSQL's postgres and pg_ctl");
    }
    const auto found = major_of(*wanted);
    if (found != major) {
      throw Error(ErrorKind::mismatch, fmt::format("{} holds PostgreSQL {}, needed is {}", wanted->string(),
                                                   found.value_or(0), major));
    }
    return *wanted;
  }
  for (const auto& folder : usual_folders(major)) {
    if (holds_server(folder) && major_of(folder) == major) return folder;
  }
  throw Error(ErrorKind::not_found, fmt::format("no PostgreSQL {} server programs on this machine", major))
      .code("no_server_binaries")
      .hint(fmt::format("install postgresql-{} or name their folder with --binaries", major));
}

struct ServerProcess::State {
  ServerStart start;
  pid_t child = 0;
  std::optional<int> exit_status;

  void look() {
    if (!exit_status) exit_status = reap(child, false);
  }
};

ServerProcess::ServerProcess(const ServerStart& start) : state_(std::make_unique<State>()) {
  state_->start = start;
  const auto owner = owner_when_root(start.data_directory);
  const int log = open_log(start.log_file, owner);
  SpawnOptions options;
  options.program = (start.binaries / "postgres").string();
  options.arguments = {"-D", start.data_directory.string()};
  for (const auto& setting : start.settings) {
    options.arguments.insert(options.arguments.end(), {"-c", setting});
  }
  // The server itself reads these four, and they would win over the restored configuration.
  options.environment = inherited_environment({"PGDATA", "PGPORT", "PGDATESTYLE", "PGCLIENTENCODING"});
  options.as = owner;
  options.working_directory = start.data_directory;
  options.output = options.errors = log;
  options.new_session = true;
  try {
    state_->child = spawn(options);
  } catch (...) {
    ::close(log);
    throw;
  }
  ::close(log);

  const auto limit = std::chrono::steady_clock::now() + kLaunchLimit;
  while (live_postmaster(start.data_directory) != state_->child) {
    state_->look();
    if (state_->exit_status || std::chrono::steady_clock::now() > limit) {
      throw Error(ErrorKind::unavailable, fmt::format("PostgreSQL did not start in {}: {}",
                                                      start.data_directory.string(), log_tail(5)))
          .code("server_did_not_start")
          .hint("read " + start.log_file.string());
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

ServerProcess::~ServerProcess() = default;

bool ServerProcess::running() const {
  state_->look();
  return !state_->exit_status.has_value();
}

std::optional<int> ServerProcess::exit_status() const {
  state_->look();
  return state_->exit_status;
}

void ServerProcess::stop(Shutdown how, std::chrono::seconds limit) {
  if (!running()) return;
  if (::kill(state_->child, how == Shutdown::fast ? SIGINT : SIGQUIT) != 0 && errno != ESRCH) {
    throw errno_error(errno, fmt::format("asking PostgreSQL (process {}) to stop", state_->child));
  }
  const auto end = std::chrono::steady_clock::now() + limit;
  while (running()) {
    if (std::chrono::steady_clock::now() > end) {
      throw Error(ErrorKind::unavailable,
                  fmt::format("PostgreSQL in {} (process {}) did not stop within {} s",
                              state_->start.data_directory.string(), state_->child, limit.count()))
          .hint("read " + state_->start.log_file.string());
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

std::string ServerProcess::log_tail(std::size_t lines) const {
  // A log can be long: only its end is read.
  constexpr std::streamoff kMostBytes = 64 * 1024;
  std::ifstream log(state_->start.log_file, std::ios::binary | std::ios::ate);
  if (!log) return {};
  const auto size = static_cast<std::streamoff>(log.tellg());
  log.seekg(std::max<std::streamoff>(0, size - kMostBytes));
  std::deque<std::string> last;
  for (std::string line; std::getline(log, line);) {
    last.push_back(line);
    if (last.size() > lines) last.pop_front();
  }
  return fmt::format("{}", fmt::join(last, "\n"));
}

std::optional<long> live_postmaster(const fs::path& data_directory) {
  std::ifstream file(data_directory / "postmaster.pid");
  long pid = 0;
  if (!(file >> pid)) return std::nullopt;
  if (pid < 0) pid = -pid;  // a single-user server writes its number negated
  if (pid <= 1 || (::kill(static_cast<pid_t>(pid), 0) != 0 && errno != EPERM)) return std::nullopt;
  // A postmaster works inside its data directory: that tells it from a stranger who got the number of a dead
  // one. What may not be looked at is taken for alive.
  std::error_code failed;
  const auto cwd = fs::read_symlink(fmt::format("/proc/{}/cwd", pid), failed);
  if (failed == std::errc::no_such_file_or_directory)
    return std::nullopt;  // gone, or dead and not yet reaped
  if (!failed && !same_folder(cwd, data_directory)) return std::nullopt;
  return pid;
}

}  // namespace tidemark::postgres
