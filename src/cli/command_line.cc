#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "config/options.h"
#include "config/values.h"
#include "tidemark/error.h"

namespace tidemark::cli {

namespace {

using config::Command;
using config::Option;
using config::Scope;
using config::ValueType;

std::string flag_names(const Option& option) {
  return option.short_flag.empty() ? fmt::format("--{}", option.key)
                                   : fmt::format("{},--{}", option.short_flag, option.key);
}

void add_option(CLI::App& app, const Option& option, CommandLine& line) {
  const std::string key(option.key), sentence(option.sentence);
  if (option.type == ValueType::flag) {
    app.add_flag_callback(
        flag_names(option), [&line, key] { line.values[key] = "true"; }, sentence);
  } else if (option.type == ValueType::list) {
    app.add_option_function<std::vector<std::string>>(
           flag_names(option),
           [&line, key](const std::vector<std::string>& values) { line.lists[key] = values; }, sentence)
        ->type_name(fmt::format("(e.g. {})", option.example))
        ->expected(1)
        ->take_all();
  } else {
    auto* added = app.add_option_function<std::string>(
        flag_names(option), [&line, key](const std::string& value) { line.values[key] = value; }, sentence);
    added->type_name(fmt::format("(e.g. {})", option.example));
    if (option.required) added->required();
  }
}

void add_arguments(CLI::App& app, std::string_view names, CommandLine& line) {
  while (!names.empty()) {
    const auto blank = names.find(' ');
    const std::string name(names.substr(0, blank));
    app.add_option_function<std::string>(
           name, [&line](const std::string& value) { line.arguments.push_back(value); })
        ->required();
    names.remove_prefix(blank == names.npos ? names.size() : blank + 1);
  }
}

// "wal fetch" becomes the subcommand "fetch" of "wal".
CLI::App& subcommand(CLI::App& root, const Command& command) {
  const auto blank = command.name.find(' ');
  if (blank == command.name.npos)
    return *root.add_subcommand(std::string(command.name), std::string(command.sentence));
  const std::string group(command.name.substr(0, blank));
  const auto groups = root.get_subcommands([&](const CLI::App* app) { return app->get_name() == group; });
  CLI::App* parent = groups.empty() ? nullptr : groups.front();
  if (parent == nullptr) {
    parent = root.add_subcommand(group, "Commands that PostgreSQL runs for each WAL file.");
    parent->require_subcommand(1);
    parent->fallthrough();
  }
  return *parent->add_subcommand(std::string(command.name.substr(blank + 1)), std::string(command.sentence));
}

std::unique_ptr<CLI::App> build(CommandLine& line) {
  auto root = std::make_unique<CLI::App>("Tidemark: point-in-time recovery for PostgreSQL.", "tidemark");
  root->require_subcommand(1);
  root->set_version_flag("--version", "tidemark " TIDEMARK_VERSION);
  root->get_formatter()->column_width(34);
  for (const Option& option : config::all_options()) {
    if (option.scope == Scope::global) add_option(*root, option, line);
  }
  for (const Command& command : config::all_commands()) {
    CLI::App& app = subcommand(*root, command);
    app.fallthrough();  // global options may follow the command
    add_arguments(app, command.arguments, line);
    for (const Option& option : config::all_options()) {
      if (option.scope == Scope::command && config::takes(command, option)) add_option(app, option, line);
    }
    if (!command.details.empty()) app.footer(std::string(command.details));
    app.parse_complete_callback([&line, name = std::string(command.name)] { line.command = name; });
  }
  return root;
}

std::vector<std::string_view> known_words() {
  std::vector<std::string_view> words;
  for (const Command& command : config::all_commands()) words.push_back(command.name);
  return words;
}

Error usage_error(const CLI::ParseError& error, int argc, const char* const* argv) {
  std::string message = error.what();
  if (!message.empty()) message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
  while (!message.empty() && (message.back() == '\n' || message.back() == '.')) message.pop_back();
  std::string hint = "see tidemark --help, or tidemark COMMAND --help";
  const auto words = known_words();
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with("-") || message.find(word) == message.npos) continue;
    if (const auto meant = config::nearest(word, words)) hint = fmt::format("did you mean '{}'?", *meant);
    break;
  }
  return Error(ErrorKind::usage, message).hint(hint);
}

}  // namespace

std::optional<std::string> CommandLine::find(const std::string& option) const {
  const auto found = values.find(option);
  return found == values.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int64_t> CommandLine::find_integer(const std::string& option) const {
  const auto text = find(option);
  if (!text) return std::nullopt;
  const Option* row = config::find_option(Scope::command, option);
  TIDEMARK_CHECK(row != nullptr);
  try {
    return config::parse_integer(*text, *row);
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, fmt::format("--{}: {}", option, error.message())).hint(error.hint());
  }
}

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  const auto app = build(line);
  try {
    app->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const CLI::App* asked = app.get();
    while (!asked->get_subcommands().empty()) asked = asked->get_subcommands().front();
    throw PrintAndExit{asked->help()};
  } catch (const CLI::CallForVersion&) {
    throw PrintAndExit{"tidemark " TIDEMARK_VERSION "\n"};
  } catch (const CLI::ParseError& error) {
    throw usage_error(error, argc, argv);
  }
  return line;
}

}  // namespace tidemark::cli
