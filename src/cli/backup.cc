#include "backup/backup_job.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/terminal_progress.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::cli {

namespace {

backup::BackupOptions options_of(const Environment& environment, const config::ClusterSettings& cluster) {
  if (!cluster.data_directory) {
    throw Error(ErrorKind::config, fmt::format("cluster {} has no data_directory", cluster.name))
        .code("no_data_directory")
        .hint(fmt::format(
            "set clusters.{}.data_directory and run the backup on the database's host; backups over the "
            "wire are not available in this version",
            cluster.name));
  }
  backup::BackupOptions options;
  options.connection = connection_of(cluster);
  options.data_directory = *cluster.data_directory;
  options.cluster = cluster.name;
  options.slot = cluster.slot;
  options.jobs = static_cast<int>(environment.line().find_integer("jobs").value_or(cluster.jobs));
  return options;
}

// Every chosen repository; one that is not required and does not open is left out with a warning.
std::vector<std::shared_ptr<repository::Repository>> open_targets(const Environment& environment) {
  std::vector<std::shared_ptr<repository::Repository>> targets;
  for (const auto& settings : environment.chosen_repositories()) {
    try {
      targets.push_back(environment.open_repository(settings, Patience::long_work));
    } catch (const Error& error) {
      if (settings.required || environment.line().has("repository")) throw;
      log_warning("backup", fmt::format("repository {} is left out: {}", settings.name, error.what()));
    }
  }
  return targets;
}

std::string result_json(const backup::BackupResult& result) {
  const auto& header = result.header;
  const auto& timings = result.timings;
  const nlohmann::ordered_json document = {{"format", 1},
                                           {"id", header.id.to_string()},
                                           {"kind", "full"},
                                           {"timeline", header.timeline.value()},
                                           {"start_lsn", header.start.to_string()},
                                           {"stop_lsn", header.stop.to_string()},
                                           {"started", header.started.to_iso()},
                                           {"finished", header.finished.to_iso()},
                                           {"bytes", header.bytes},
                                           {"stored_bytes", header.stored_bytes},
                                           {"new_bytes", header.new_bytes},
                                           {"reused_bytes", result.reused_bytes},
                                           {"bad_pages", header.bad_page_count},
                                           {"warnings", result.warnings},
                                           {"seconds",
                                            {{"start", to_seconds(timings.start)},
                                             {"copy", to_seconds(timings.copy)},
                                             {"stop", to_seconds(timings.stop)},
                                             {"wal", to_seconds(timings.wal)},
                                             {"finish", to_seconds(timings.finish)}}}};
  return document.dump(2) + "\n";
}

}  // namespace

int run_backup(const Environment& environment) {
  const auto& cluster = environment.cluster();
  const auto options = options_of(environment, cluster);
  const auto targets = open_targets(environment);
  TerminalProgress progress;
  const auto result =
      backup::take_full_backup(options, targets, progress, environment.stop(), environment.clock());
  progress.end();
  for (const auto& warning : result.warnings) fmt::print(stderr, "warning: {}\n", warning);
  for (const auto& page : result.bad_pages) {
    fmt::print(stderr, "warning: bad page: {} block {} (checksum {:04x}, expected {:04x})\n", page.path,
               page.block, page.found, page.expected);
  }
  if (environment.json()) {
    fmt::print("{}", result_json(result));
  } else {
    fmt::print("{}\n", result.header.id.to_string());
    fmt::print(stderr, "{} in {} files, {} stored, {}; restorable from {}\n",
               render_bytes(static_cast<double>(result.header.bytes)), result.header.file_count,
               render_bytes(static_cast<double>(result.header.stored_bytes)),
               render_seconds(to_seconds(result.header.finished - result.header.started)),
               result.header.finished.to_iso());
  }
  return 0;
}

}  // namespace tidemark::cli
