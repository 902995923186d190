// Entry: parses the command line, runs the command, turns errors into messages and exit statuses.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.h"
#include "restore/wal_fetch.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::cli {

namespace {

// SIGINT and SIGTERM request a stop once and end the process the second time. Signals are taken by a thread
// of their own, because a stop may not be requested from a handler.
class StopOnSignal {
 public:
  StopOnSignal() {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    std::thread([signals = signals_, source = source_]() mutable {
      int signal = 0;
      sigwait(&signals, &signal);
      source.request_stop();
      sigwait(&signals, &signal);
      std::_Exit(128 + signal);
    }).detach();
  }
  StopToken token() const { return source_.token(); }

 private:
  sigset_t signals_{};
  StopSource source_;
};

struct CommandEntry {
  std::string_view name;
  int (*run)(const Environment&);
};
constexpr std::array kEntries = {
    CommandEntry{"init", run_init},       CommandEntry{"check", run_check},
    CommandEntry{"serve", run_serve},     CommandEntry{"backup", run_backup},
    CommandEntry{"list", run_list},       CommandEntry{"status", run_status},
    CommandEntry{"restore", run_restore},
};

int run(const CommandLine& line) {
  set_log_level(line.has("verbose")       ? LogLevel::debug
                : line.command == "serve" ? LogLevel::info
                                          : LogLevel::warning);
  if (line.command == "wal fetch")
    return run_wal_fetch(line, StopToken());  // the server's signals end it at once
  for (const CommandEntry& entry : kEntries) {
    if (entry.name != line.command) continue;
    // The service's event loop takes its signals itself.
    if (line.command == "serve") return entry.run(Environment(line, StopToken()));
    const StopOnSignal stop;
    return entry.run(Environment(line, stop.token()));
  }
  throw Error(ErrorKind::internal, fmt::format("the command '{}' has no entry", line.command));
}

void report(const Error& error, bool json) {
  if (json) {
    const nlohmann::ordered_json document = {
        {"format", 1},
        {"error",
         {{"code", error.code()},
          {"message", error.what()},
          {"hint",
           error.hint().empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(error.hint())}}}};
    fmt::print(stderr, "{}\n", document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  fmt::print(stderr, "tidemark: {}\n", error.what());
  if (!error.hint().empty()) fmt::print(stderr, "hint: {}\n", error.hint());
}

bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

// PostgreSQL takes 1 for "there is no such file" and goes on without it, so wal fetch may fail with nothing
// below 126.
int failed_status(bool wal_fetch, const Error& error) {
  return wal_fetch ? restore::kWalFetchFailed : traits(error.kind()).exit_status;
}

int run_main(int argc, char** argv) {
  const bool wal_fetch = argc > 1 && std::string_view(argv[1]) == "wal";
  try {
    const CommandLine line = parse_command_line(argc, argv);
    const int status = run(line);
    if (std::fflush(stdout) != 0) throw errno_error(errno, "writing the result to standard output");
    return status;
  } catch (const PrintAndExit& print) {
    fmt::print("{}", print.text);
    return 0;
  } catch (const Error& error) {
    report(error, asks_for_json(argc, argv));
    return failed_status(wal_fetch, error);
  } catch (const std::exception& error) {
    const Error internal =
        Error(ErrorKind::internal, error.what()).hint("this is a bug in Tidemark; please report it");
    report(internal, asks_for_json(argc, argv));
    return failed_status(wal_fetch, internal);
  }
}

}  // namespace

}  // namespace tidemark::cli

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  return tidemark::cli::run_main(argc, argv);
}
