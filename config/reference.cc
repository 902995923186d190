#include "config/reference.h"

#include <fmt/format.h>

#include <iterator>

#include "config/options.h"

namespace tidemark::config {

namespace {

std::string quoted_for_yaml(std::string_view value) {
  const bool plain = value.find_first_of(":#{}[],&*!|>'\"%@`") == value.npos;
  return plain ? std::string(value) : fmt::format("\"{}\"", value);
}

// The keys of one scope as nested YAML; optional keys that have no default are commented out.
void append_section(std::string& out, Scope scope, std::string indent, bool list_item) {
  std::string open_parent;
  for (const Option& option : all_options()) {
    if (option.scope != scope) continue;
    const auto dot = option.key.find('.');
    const std::string parent(dot == option.key.npos ? "" : option.key.substr(0, dot));
    const std::string_view leaf = dot == option.key.npos ? option.key : option.key.substr(dot + 1);
    const bool active = option.required || !option.default_value.empty();
    const std::string value = quoted_for_yaml(option.required ? option.example : option.default_value);
    const std::string shown = active ? value : quoted_for_yaml(option.example);
    std::string line = fmt::format("{}: {}", leaf, shown);
    std::string lead = indent;
    if (!parent.empty()) {
      if (parent != open_parent && active) out += fmt::format("{}{}:\n", indent, parent);
      lead += "  ";
      if (!active && parent != open_parent) line = fmt::format("{}: {{ {} }}", parent, line), lead = indent;
    }
    if (active || parent.empty()) open_parent = parent;
    if (list_item) lead.replace(lead.size() - 2, 2, "- ");
    list_item = false;
    out += fmt::format("{}# {}\n", std::string(lead.size(), ' '), option.sentence);
    out += active ? fmt::format("{}{}\n", lead, line) : fmt::format("{}# {}\n", lead, line);
  }
}

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::text:
      return "text";
    case ValueType::path:
      return "absolute path";
    case ValueType::boolean:
      return "true or false";
    case ValueType::integer:
      return "number";
    case ValueType::duration:
      return "duration";
    case ValueType::compression:
      return "compression";
    case ValueType::day_window:
      return "HH:MM-HH:MM";
    case ValueType::timezone:
      return "time zone";
    case ValueType::address:
      return "host:port";
    case ValueType::cluster_name:
      return "name";
    case ValueType::flag:
      return "flag";
    case ValueType::list:
      return "text, repeatable";
  }
  return "";
}

std::string table_cell(std::string_view text) {
  std::string cell;
  for (const char c : text) cell += c == '|' ? std::string("\\|") : std::string(1, c);
  return cell;
}

void append_table(std::string& out, Scope scope, std::string_view prefix) {
  out += "| key | type | default | what it is | example |\n| --- | --- | --- | --- | --- |\n";
  for (const Option& option : all_options()) {
    if (option.scope != scope) continue;
    const std::string standard = option.required                ? "required"
                                 : option.default_value.empty() ? ""
                                                                : fmt::format("`{}`", option.default_value);
    out += fmt::format("| `{}{}` | {} | {} | {} | `{}` |\n", prefix, option.key, type_name(option.type),
                       standard, table_cell(option.sentence), option.example);
  }
}

void append_flag_row(std::string& out, const Option& option) {
  const std::string names = option.short_flag.empty()
                                ? fmt::format("--{}", option.key)
                                : fmt::format("{}, --{}", option.short_flag, option.key);
  const std::string example = option.example.empty() ? "" : fmt::format("`{}`", option.example);
  out += fmt::format("| `{}` | {} | {} | {} |\n", names, type_name(option.type), table_cell(option.sentence),
                     example);
}

}  // namespace

std::string render_sample_configuration() {
  std::string out =
      "# Tidemark: every setting with its default. Only a connection and one repository are needed.\n"
      "# Generated from the option table; docs/options.md is the reference.\n\n"
      "clusters:\n"
      "  main:\n";
  append_section(out, Scope::cluster, "    ", false);
  out += "\nrepositories:\n";
  append_section(out, Scope::repository, "    ", true);
  out += "\nservice:\n";
  append_section(out, Scope::service, "  ", false);
  return out;
}

std::string render_options_page() {
  std::string out =
      "# Options\n\n"
      "Generated from the option table in `config/options.cc`; change it there.\n\n"
      "Durations are a number and a unit: `ms`, `s`, `m`, `h`, `d`, `w`. Secrets come from files, never from "
      "the\n"
      "command line. An unknown key is an error that names the line and the nearest valid key.\n\n"
      "## Configuration file\n\n### clusters.NAME\n\n";
  append_table(out, Scope::cluster, "");
  out += "\n### repositories (a list)\n\n";
  append_table(out, Scope::repository, "");
  out += "\n### service\n\n";
  append_table(out, Scope::service, "");
  out += "\n## Command line\n\nThe order of options is free. For every command:\n\n";
  out += "| option | type | what it is | example |\n| --- | --- | --- | --- |\n";
  for (const Option& option : all_options()) {
    if (option.scope == Scope::global) append_flag_row(out, option);
  }
  for (const Command& command : all_commands()) {
    const std::string arguments = command.arguments.empty() ? "" : fmt::format(" {}", command.arguments);
    out += fmt::format("\n### tidemark {}{}\n\n{}\n", command.name, arguments, command.sentence);
    if (!command.details.empty()) out += fmt::format("{}\n", command.details);
    bool any = false;
    for (const Option& option : all_options()) {
      if (option.scope != Scope::command || !takes(command, option)) continue;
      if (!any) out += "\n| option | type | what it is | example |\n| --- | --- | --- | --- |\n";
      any = true;
      append_flag_row(out, option);
    }
  }
  return out;
}

}  // namespace tidemark::config
