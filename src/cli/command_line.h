#pragma once
// The command line, built from the option table and read with CLI11. The order of options is free.

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::cli {

struct CommandLine {
  std::string command;                        // "wal fetch"
  std::vector<std::string> arguments;         // positional
  std::map<std::string, std::string> values;  // long option name to text; flags are "true"
  std::map<std::string, std::vector<std::string>> lists;

  bool has(const std::string& option) const { return values.contains(option); }
  std::optional<std::string> find(const std::string& option) const;
  std::optional<std::int64_t> find_integer(
      const std::string& option) const;  // checked against the table's bounds
};

// What parsing ends with when no command is to be run: --help and --version print text and exit 0.
struct PrintAndExit {
  std::string text;
};

// Throws Error usage; PrintAndExit for --help and --version.
CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace tidemark::cli
