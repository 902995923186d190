#include "postgres/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "tidemark/error.h"

extern char** environ;

namespace tidemark::postgres {

namespace {

std::string find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "/usr/bin:/bin" : path;
  while (!folders.empty()) {
    const auto end = std::min(folders.find(':'), folders.size());
    const auto candidate = folders.substr(0, end) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    folders.erase(0, end + 1);
  }
  throw Error(ErrorKind::not_found, fmt::format("program {} is not in $PATH", program));
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Everything the child needs between fork and exec, where nothing may be allocated.
struct Prepared {
  std::string program;
  std::vector<std::string> arguments, environment;
  std::vector<char*> argument_pointers, environment_pointers;
  int null_descriptor = -1;
  int report = -1;  // closes at exec; carries errno when something failed before
};

bool place(int descriptor, int target, int null_descriptor) {
  return ::dup2(descriptor >= 0 ? descriptor : null_descriptor, target) >= 0;
}

bool become(const SpawnOptions& options) {
  if (options.as && ::geteuid() == 0) {
    if (::setgroups(1, &options.as->group) != 0 || ::setgid(options.as->group) != 0 ||
        ::setuid(options.as->user) != 0) {
      return false;
    }
  }
  // After the change of user, which clears it.
  return options.signal_when_parent_ends == 0 ||
         ::prctl(PR_SET_PDEATHSIG, options.signal_when_parent_ends) == 0;
}

void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD}) {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(number, &standard, nullptr);
  }
}

[[noreturn]] void run_child(const SpawnOptions& options, const Prepared& prepared) {
  reset_signals();
  const bool ready = place(options.input, 0, prepared.null_descriptor) &&
                     place(options.output, 1, prepared.null_descriptor) &&
                     place(options.errors, 2, prepared.null_descriptor) &&
                     (!options.new_session || ::setsid() >= 0) && become(options) &&
                     (options.working_directory.empty() || ::chdir(options.working_directory.c_str()) == 0);
  if (ready) {
    ::execve(prepared.program.c_str(), prepared.argument_pointers.data(),
             prepared.environment_pointers.data());
  }
  const int reason = errno;
  [[maybe_unused]] const auto written = ::write(prepared.report, &reason, sizeof reason);  // not a file
  ::_exit(127);
}

// The errno of a child that never reached exec; 0 when it did.
int read_report(int descriptor) {
  int reason = 0;
  ssize_t got = 0;
  do {
    got = ::read(descriptor, &reason, sizeof reason);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof reason) ? reason : 0;
}

}  // namespace

pid_t spawn(const SpawnOptions& options) {
  Prepared prepared;
  prepared.program = find_program(options.program);
  prepared.arguments = options.arguments;
  prepared.arguments.insert(prepared.arguments.begin(), options.program);
  prepared.environment = options.environment;
  prepared.argument_pointers = pointers(prepared.arguments);
  prepared.environment_pointers = pointers(prepared.environment);
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) throw errno_error(errno, "creating a pipe");
  prepared.report = report[1];
  prepared.null_descriptor = ::open("/dev/null", O_RDWR | O_CLOEXEC);

  const pid_t child = ::fork();
  if (child == 0) run_child(options, prepared);
  const int fork_errno = errno;
  ::close(report[1]);
  if (prepared.null_descriptor >= 0) ::close(prepared.null_descriptor);
  if (child < 0) {
    ::close(report[0]);
    throw errno_error(fork_errno, "starting a process");
  }
  const int reason = read_report(report[0]);
  ::close(report[0]);
  if (reason == 0) return child;
  reap(child, true);
  throw errno_error(reason, "running " + prepared.program);
}

std::vector<std::string> inherited_environment(const std::vector<std::string>& without) {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto name = text.substr(0, text.find('='));
    if (std::find(without.begin(), without.end(), name) == without.end()) result.push_back(text);
  }
  return result;
}

std::optional<int> reap(pid_t child, bool block) {
  int status = 0;
  pid_t got = 0;
  do {
    got = ::waitpid(child, &status, block ? 0 : WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return std::nullopt;
  if (got < 0) throw errno_error(errno, fmt::format("waiting for process {}", child));
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace tidemark::postgres
