#include "harness/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "postgres/spawn.h"
#include "tidemark/error.h"

namespace tidemark::test {

namespace {

using postgres::SpawnOptions;

SpawnOptions spawn_options(const std::string& program, const std::vector<std::string>& arguments,
                           const ProgramOptions& options) {
  SpawnOptions spawned;
  spawned.program = program;
  spawned.arguments = arguments;
  std::vector<std::string> replaced;
  for (const auto& [name, value] : options.environment) replaced.push_back(name);
  spawned.environment = postgres::inherited_environment(replaced);
  for (const auto& [name, value] : options.environment) spawned.environment.push_back(name + "=" + value);
  if (options.user && ::geteuid() == 0) {
    const auto* entry = ::getpwnam(options.user->c_str());
    if (entry == nullptr) throw Error(ErrorKind::not_found, "no user " + *options.user);
    spawned.as = postgres::UserIdentity{entry->pw_uid, entry->pw_gid};
  }
  spawned.working_directory = options.working_directory;
  spawned.new_session = true;
  return spawned;
}

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw errno_error(errno, "creating a pipe");
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int end(std::size_t at) const { return ends_[at]; }
  void close_end(std::size_t at) {
    if (ends_[at] >= 0) ::close(ends_[at]);
    ends_[at] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// Appends what can be read; at the end of the stream the pipe is closed.
void drain(Pipe& from, std::string& to) {
  std::array<char, 65536> buffer;
  const auto got = ::read(from.end(0), buffer.data(), buffer.size());
  if (got > 0) {
    to.append(buffer.data(), static_cast<std::size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    from.close_end(0);
  }
}

void feed(Pipe& to, const std::string& input, std::size_t& written) {
  const auto put = ::write(to.end(1), input.data() + written, input.size() - written);
  if (put > 0) written += static_cast<std::size_t>(put);
  const bool gone = put < 0 && errno != EINTR && errno != EAGAIN;
  if (gone || written == input.size()) to.close_end(1);
}

// Moves bytes both ways until the program closed its outputs; false when the time was over first.
bool converse(Pipe& in, Pipe& out, Pipe& err, const std::string& input, ProgramResult& result,
              std::chrono::steady_clock::time_point deadline) {
  std::size_t written = 0;
  if (input.empty()) in.close_end(1);
  while (out.end(0) >= 0 || err.end(0) >= 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 3> watched{
        {{out.end(0), POLLIN, 0}, {err.end(0), POLLIN, 0}, {in.end(1), POLLOUT, 0}}};
    if (::poll(watched.data(), watched.size(), static_cast<int>(left)) <= 0) continue;
    if (watched[0].revents != 0) drain(out, result.output);
    if (watched[1].revents != 0) drain(err, result.errors);
    if (watched[2].revents != 0) feed(in, input, written);
  }
  return true;
}

}  // namespace

ProgramResult run_program(const std::string& program, const std::vector<std::string>& arguments,
                          const ProgramOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe in, out, err;
  ::fcntl(in.end(1), F_SETFL, O_NONBLOCK);
  auto spawned = spawn_options(program, arguments, options);
  spawned.input = in.end(0);
  spawned.output = out.end(1);
  spawned.errors = err.end(1);
  const auto child = postgres::spawn(spawned);
  in.close_end(0);
  out.close_end(1);
  err.close_end(1);

  ProgramResult result;
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  result.timed_out = !converse(in, out, err, options.input, result, deadline);
  if (result.timed_out) ::kill(-child, SIGKILL);
  result.exit_status = postgres::reap(child, true).value_or(-1);
  return result;
}

struct Process::State {
  pid_t child = 0;
  std::filesystem::path output_file;
  std::optional<int> exit_status;

  void look() {
    if (!exit_status) exit_status = postgres::reap(child, false);
  }
};

Process::Process(const std::string& program, const std::vector<std::string>& arguments,
                 const std::filesystem::path& output_file, const ProgramOptions& options)
    : state_(std::make_unique<State>()) {
  state_->output_file = output_file;
  auto spawned = spawn_options(program, arguments, options);
  const int log = ::open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) throw errno_error(errno, "opening " + output_file.string());
  spawned.output = spawned.errors = log;
  spawned.signal_when_parent_ends = SIGKILL;
  try {
    state_->child = postgres::spawn(spawned);
  } catch (...) {
    ::close(log);
    throw;
  }
  ::close(log);
}

Process::~Process() { kill(); }

long Process::pid() const { return state_->child; }

bool Process::running() const {
  state_->look();
  return !state_->exit_status;
}

void Process::signal(int number) const {
  if (running()) ::kill(state_->child, number);
}

void Process::terminate() const { signal(SIGTERM); }

void Process::kill() {
  if (!running()) return;
  ::kill(state_->child, SIGKILL);
  state_->exit_status = postgres::reap(state_->child, true);
}

std::optional<int> Process::wait(std::chrono::seconds limit) {
  eventually([&] { return !running(); }, limit);
  return state_->exit_status;
}

std::string Process::output() const { return read_text_file(state_->output_file); }

bool Process::wait_for_output(const std::string& text, std::chrono::seconds limit) const {
  const auto there = [&] { return output().find(text) != std::string::npos; };
  eventually([&] { return there() || !running(); }, limit);
  return there();
}

void pause_before_looking_again() { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

std::string read_text_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void write_text_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.flush();
  if (!file) throw Error(ErrorKind::io, "cannot write " + path.string());
}

}  // namespace tidemark::test
