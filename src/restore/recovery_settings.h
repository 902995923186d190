#pragma once
// What a restored server's configuration must say, as text: postgres-notes 2.3, 6.1, 6.3; design.md "A
// timestamp". postgresql.auto.conf is read last, so our settings stand there. Pure. Errors: refused where
// said.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/restore_plan.h"
#include "pgdata/control_file.h"

namespace tidemark::restore {

struct Setting {
  std::string name, value;
  bool operator==(const Setting&) const = default;
};

// What the server does by itself when it has reached the target.
enum class TargetAction : std::uint8_t { pause, promote, shutdown };
std::string_view to_string(TargetAction action);

// A word for /bin/sh, in single quotes. A path with a control character is an Error refused: PostgreSQL's
// files cannot hold it.
std::string shell_word(std::string_view text);

// restore_command: a rename where the prefetcher was faster, else our own program. `ready_folder` is relative
// to the data directory, made by us and free of special characters; empty: no prefetcher's folder is looked
// at.
struct RestoreCommand {
  std::string program;                 // absolute
  std::vector<std::string> arguments;  // before "wal fetch": --config FILE --cluster NAME
  std::string ready_folder;
};
std::string render_restore_command(const RestoreCommand& command);

struct RecoverySettings {
  int major = 15;
  std::string restore_command;
  catalog::StopPoint stop;
  TimelineId timeline;
  TargetAction action = TargetAction::pause;
  // Which replay needs at least: the larger of the plan's and pg_control's.
  std::int32_t max_connections = 0, max_worker_processes = 0, max_wal_senders = 0,
               max_prepared_transactions = 0, max_locks_per_transaction = 0;
  std::string listen_addresses = "localhost";
  std::vector<Setting> more;  // the caller's: port, socket directory, ...; they come last
};
void raise_minimums(RecoverySettings& settings, const catalog::RestorePlan& plan,
                    const pgdata::ControlFile& control);
std::vector<Setting> recovery_settings(const RecoverySettings& settings);

// The content of postgresql.auto.conf without what would redirect, break or leak out of a restore (old
// recovery targets, primary_conninfo, archiving ...) and without anything that `ours` sets, followed by
// `ours`.
std::string rewrite_auto_conf(std::string_view old, const std::vector<Setting>& ours);
// Without the lines that set `name`.
std::string without_setting(std::string_view content, std::string_view name);
// After recovery: without the settings that only recovery needs; archiving stays off until `adopt`.
std::string auto_conf_after_recovery(std::string_view content);

// postgresql.conf with the lines commented out that point at the original's files or at old recoveries:
// data_directory would start the original, archive_cleanup_command would delete its archive.
struct NeutralisedConfiguration {
  std::string text;
  std::vector<std::string> names;  // of the settings that were commented out
};
NeutralisedConfiguration neutralise_configuration(std::string_view text);

// "port" of "port = 5433"; empty for comments and blank lines. Lower case.
std::string setting_name(std::string_view line);
// The last value set for `name`, unquoted; empty when there is none.
std::string find_setting(std::string_view text, std::string_view name);

// For clusters that keep their configuration elsewhere (Debian: /etc/postgresql).
std::string minimal_configuration();
std::string minimal_hba();

}  // namespace tidemark::restore
