#include "restore/recovery_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "tidemark/error.h"

namespace tidemark::restore {

namespace {

constexpr std::string_view kOurHeading = "# Set by tidemark restore:";

// Needed by recovery alone; gone when it has ended.
constexpr std::array<std::string_view, 9> kRecoveryOnly = {"restore_command",
                                                           "archive_cleanup_command",
                                                           "recovery_end_command",
                                                           "recovery_init_sync_method",
                                                           "recovery_min_apply_delay",
                                                           "hba_file",
                                                           "ident_file",
                                                           "promote_trigger_file",
                                                           "trigger_file"};

// Left over from the original: each would redirect this server or disturb another.
constexpr std::array<std::string_view, 8> kLeftovers = {
    "primary_conninfo", "primary_slot_name", "synchronous_standby_names", "archive_mode",
    "archive_command",  "archive_library",   "external_pid_file",         "standby_mode"};

constexpr std::array<std::string_view, 2> kPlaces = {"data_directory", "external_pid_file"};

template <typename Names>
bool is_one_of(std::string_view name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_target(std::string_view name) { return name.starts_with("recovery_target"); }
bool is_recovery_only(std::string_view name) { return is_target(name) || is_one_of(name, kRecoveryOnly); }

// In the forms that guc-file.l reads: quotes doubled, backslashes too.
std::string quote(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\n' || c == '\r' || c == '\0') {
      throw Error(ErrorKind::refused, fmt::format("a setting cannot hold a line break: {}", value));
    }
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

template <typename Take>
void for_each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    take(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

template <typename Keep>
std::string filter_lines(std::string_view text, Keep keep) {
  std::string kept;
  for_each_line(text, [&](std::string_view line) {
    if (keep(line)) kept.append(line).append("\n");
  });
  return kept;
}

std::string unquote(std::string_view value) {
  if (value.empty() || value.front() != '\'')
    return std::string(value.substr(0, value.find_first_of(" \t#\r")));
  std::string plain;
  for (std::size_t at = 1; at < value.size(); ++at) {
    const bool doubled = value[at] == '\'' && at + 1 < value.size() && value[at + 1] == '\'';
    if (value[at] == '\'' && !doubled) break;
    if (doubled || (value[at] == '\\' && at + 1 < value.size())) ++at;
    plain += value[at];
  }
  return plain;
}

void add_target(const RecoverySettings& from, std::vector<Setting>& to) {
  if (from.stop.reason == catalog::StopReason::immediate) {
    to.push_back({"recovery_target", "immediate"});
  } else {
    to.push_back({"recovery_target_lsn", from.stop.lsn.to_string()});
    to.push_back({"recovery_target_inclusive", from.stop.inclusive ? "on" : "off"});
  }
  // The number, never "latest": a branch that somebody archived by mistake would be followed.
  to.push_back({"recovery_target_timeline", std::to_string(from.timeline.value())});
  to.push_back({"recovery_target_action", std::string(to_string(from.action))});
}

void add_minimums(const RecoverySettings& from, std::vector<Setting>& to) {
  const auto add = [&](const char* name, std::int32_t least) {
    if (least > 0) to.push_back({name, std::to_string(least)});
  };
  add("max_connections", from.max_connections);
  add("max_worker_processes", from.max_worker_processes);
  add("max_wal_senders", from.max_wal_senders);
  add("max_prepared_transactions", from.max_prepared_transactions);
  add("max_locks_per_transaction", from.max_locks_per_transaction);
}

}  // namespace

std::string_view to_string(TargetAction action) {
  switch (action) {
    case TargetAction::pause:
      return "pause";
    case TargetAction::promote:
      return "promote";
    case TargetAction::shutdown:
      return "shutdown";
  }
  return "pause";
}

std::string shell_word(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      throw Error(ErrorKind::refused,
                  fmt::format("a path with a control character cannot stand in restore_command: {}",
                              to_hex(as_bytes(text))))
          .hint("rename the file or folder");
    }
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

std::string render_restore_command(const RestoreCommand& command) {
  // PostgreSQL replaces %f and %p before the shell sees them; a percent sign of a path is doubled.
  const auto word = [](std::string_view text) {
    std::string escaped;
    for (const char c : shell_word(text)) escaped.append(c == '%' ? 2 : 1, c);
    return escaped;
  };
  std::string rendered;
  if (!command.ready_folder.empty())
    rendered = fmt::format("mv {}/%f \"%p\" 2>/dev/null || ", command.ready_folder);
  rendered += word(command.program);
  for (const std::string& argument : command.arguments) rendered += " " + word(argument);
  return rendered + " wal fetch %f \"%p\"";
}

void raise_minimums(RecoverySettings& settings, const catalog::RestorePlan& plan,
                    const pgdata::ControlFile& control) {
  settings.max_connections = std::max(plan.max_connections, control.max_connections);
  settings.max_worker_processes = std::max(plan.max_worker_processes, control.max_worker_processes);
  settings.max_wal_senders = std::max(plan.max_wal_senders, control.max_wal_senders);
  settings.max_prepared_transactions =
      std::max(plan.max_prepared_transactions, control.max_prepared_transactions);
  settings.max_locks_per_transaction =
      std::max(plan.max_locks_per_transaction, control.max_locks_per_transaction);
}

std::vector<Setting> recovery_settings(const RecoverySettings& from) {
  std::vector<Setting> settings;
  settings.push_back({"restore_command", from.restore_command});
  add_target(from, settings);
  settings.push_back({"recovery_min_apply_delay", "0"});
  settings.push_back({"archive_cleanup_command", ""});
  settings.push_back({"recovery_end_command", ""});
  // Everything was synced before pg_control was written: one syncfs() in place of a walk over all files.
  if (from.major >= 14) settings.push_back({"recovery_init_sync_method", "syncfs"});
  settings.push_back({"hot_standby", "on"});

  settings.push_back({"archive_mode", "off"});
  settings.push_back({"archive_command", ""});
  if (from.major >= 15) settings.push_back({"archive_library", ""});
  settings.push_back({"primary_conninfo", ""});
  settings.push_back({"primary_slot_name", ""});
  settings.push_back({"synchronous_standby_names", ""});
  settings.push_back({"max_logical_replication_workers", "0"});
  settings.push_back({"external_pid_file", ""});
  settings.push_back({"listen_addresses", from.listen_addresses});
  add_minimums(from, settings);
  settings.insert(settings.end(), from.more.begin(), from.more.end());
  return settings;
}

std::string rewrite_auto_conf(std::string_view old, const std::vector<Setting>& ours) {
  std::string text = filter_lines(old, [&](std::string_view line) {
    const std::string name = setting_name(line);
    if (name.empty()) return line != kOurHeading;
    if (is_recovery_only(name) || is_one_of(name, kLeftovers)) return false;
    return std::none_of(ours.begin(), ours.end(),
                        [&](const Setting& setting) { return setting.name == name; });
  });
  text.append(kOurHeading).append("\n");
  for (const Setting& setting : ours) text += fmt::format("{} = {}\n", setting.name, quote(setting.value));
  return text;
}

std::string without_setting(std::string_view content, std::string_view name) {
  return filter_lines(content, [&](std::string_view line) { return setting_name(line) != name; });
}

std::string auto_conf_after_recovery(std::string_view content) {
  return filter_lines(content, [](std::string_view line) { return !is_recovery_only(setting_name(line)); });
}

NeutralisedConfiguration neutralise_configuration(std::string_view text) {
  NeutralisedConfiguration result;
  for_each_line(text, [&](std::string_view line) {
    const std::string name = setting_name(line);
    const bool remove =
        !name.empty() && (is_recovery_only(name) || is_one_of(name, kPlaces) || name == "primary_conninfo" ||
                          name == "primary_slot_name" || name == "standby_mode");
    if (remove) {
      result.names.push_back(name);
      result.text += "# tidemark restore: ";
    }
    result.text.append(line).append("\n");
  });
  return result;
}

std::string setting_name(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos || line[begin] == '#') return {};
  line.remove_prefix(begin);
  std::string name(line.substr(0, line.find_first_of(" \t=\r#")));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::string find_setting(std::string_view text, std::string_view name) {
  std::string value;
  for_each_line(text, [&](std::string_view line) {
    if (setting_name(line) != name) return;
    auto rest = line.substr(line.find_first_not_of(" \t\r") + name.size());
    const auto begin = rest.find_first_not_of(" \t=");
    value = begin == std::string_view::npos ? std::string() : unquote(rest.substr(begin));
  });
  return value;
}

std::string minimal_configuration() {
  return "# Written by tidemark restore: the backup holds no postgresql.conf, because this cluster keeps it "
         "outside its\n"
         "# data directory. What must be as it was for recovery stands in postgresql.auto.conf.\n";
}

std::string minimal_hba() {
  return "# Written by tidemark restore: the backup holds no pg_hba.conf.\n"
         "local   all   all                  peer\n"
         "host    all   all   127.0.0.1/32   scram-sha-256\n"
         "host    all   all   ::1/128        scram-sha-256\n";
}

}  // namespace tidemark::restore
