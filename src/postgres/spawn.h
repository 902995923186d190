#pragma once
// Starting another program: fork and exec with everything prepared beforehand, so that it is safe in a
// process with threads. The descriptor arguments stay the caller's.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::postgres {

// The user a program runs as. Only root can change it.
struct UserIdentity {
  uid_t user = 0;
  gid_t group = 0;
};

struct SpawnOptions {
  std::string program;                   // with a '/': as it stands; without: searched in $PATH
  std::vector<std::string> arguments;    // without the program's own name
  std::vector<std::string> environment;  // "NAME=value", complete; see inherited_environment()
  std::optional<UserIdentity> as;
  std::filesystem::path working_directory;
  int input = -1, output = -1, errors = -1;  // -1: /dev/null
  bool new_session = false;                  // survives the terminal and the group it was started from
  int signal_when_parent_ends = 0;           // Linux; the "parent" is the starting thread. 0: none
};

// The child's process id. Errors: not_found or io when the program cannot be run.
pid_t spawn(const SpawnOptions& options);

// This process's environment without the variables named, each "NAME".
std::vector<std::string> inherited_environment(const std::vector<std::string>& without);

// The exit status, 128 + signal for a killed child; nullopt while it runs and `block` is false.
std::optional<int> reap(pid_t child, bool block);

}  // namespace tidemark::postgres
