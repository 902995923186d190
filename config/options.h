#pragma once
// The one table of everything a user can set: it feeds the YAML reader, the command line, --help, the sample
// file config/tidemark.example.yaml and docs/options.md. A test regenerates the last two and compares.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tidemark::config {

enum class Scope : std::uint8_t {
  cluster,     // clusters.<name>.<key>
  repository,  // repositories[].<key>
  service,     // service.<key>
  global,      // command line, any command
  command,     // command line, the commands that name it
};

enum class ValueType : std::uint8_t {
  text,
  path,
  boolean,
  integer,
  duration,
  compression,
  day_window,
  timezone,
  address,
  cluster_name,
  flag,
  list,
};

struct Option {
  Scope scope;
  std::string_view key;  // YAML: dotted below its scope; command line: the long flag without "--"
  ValueType type;
  std::string_view default_value;  // "" = none
  bool required;
  std::int64_t minimum, maximum;  // integers; durations in seconds; 0, 0 = unbounded
  std::string_view sentence;      // what it is, one sentence
  std::string_view example;
  std::string_view commands;    // scope command: names separated by blanks
  std::string_view short_flag;  // "-v"
};
std::span<const Option> all_options();

struct Command {
  std::string_view name;       // "wal fetch"
  std::string_view arguments;  // "NAME PATH": positional, all required; a trailing "?" makes one optional
  std::string_view sentence;
  std::string_view details;  // --help of the command: examples, exit statuses of its own
};
std::span<const Command> all_commands();

const Option* find_option(Scope scope, std::string_view key);
bool takes(const Command& command, const Option& option);

// The nearest of `known` by edit distance, when it is near enough to be what was meant.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace tidemark::config
