#include <fmt/format.h>

#include <filesystem>

#include "catalog/receipt.h"
#include "cli/commands.h"
#include "cli/terminal_progress.h"
#include "config/moment.h"
#include "disk/directory_walk.h"
#include "restore/restore_job.h"
#include "tidemark/error.h"

namespace tidemark::cli {

namespace {

constexpr int kNotWhatWasPlanned = 5;

std::optional<std::string> zone_of(const Environment& environment, const config::ClusterSettings& cluster) {
  if (const auto given = environment.line().find("timezone")) {
    config::check_timezone(*given);
    return given;
  }
  return cluster.timezone;
}

catalog::Target parse_target(const std::string& text, Instant now,
                             const std::optional<std::string>& timezone) {
  if (auto positional = catalog::parse_positional_target(text)) return *positional;
  const auto moment = config::parse_moment(text, now, timezone);
  if (!moment) {
    throw Error(ErrorKind::usage, fmt::format("'{}' is not a target", text))
        .code("bad_target")
        .hint(
            "give a time such as \"2026-11-22 14:30:00+01\", 10m ago, latest, immediate, lsn:0/3000028, "
            "xid:1234, "
            "before-xid:1234 or name:before_release");
  }
  catalog::Target target;
  target.kind = catalog::TargetKind::time;
  target.requested = text;
  target.time = *moment;
  return target;
}

catalog::PlanRequest request_of(const Environment& environment, const config::ClusterSettings& cluster) {
  const auto& line = environment.line();
  catalog::PlanRequest request;
  request.target = parse_target(*line.find("to"), environment.clock().now(), zone_of(environment, cluster));
  if (const auto backup = line.find("backup")) {
    request.backup = BackupId::parse(*backup);
    if (!request.backup) {
      throw Error(ErrorKind::usage, fmt::format("'{}' is not a backup's id", *backup))
          .hint("tidemark list shows them");
    }
  }
  if (const auto timeline = line.find_integer("timeline")) {
    request.timeline = TimelineId(static_cast<std::uint32_t>(*timeline));
  }
  return request;
}

std::optional<restore::TargetAction> action_of(const CommandLine& line) {
  const auto text = line.find("action");
  if (!text) return std::nullopt;
  for (const auto action :
       {restore::TargetAction::pause, restore::TargetAction::promote, restore::TargetAction::shutdown}) {
    if (*text == restore::to_string(action)) return action;
  }
  throw Error(ErrorKind::usage, fmt::format("--action: '{}' is not an action", *text))
      .hint("choose pause, promote or shutdown");
}

restore::RestoreOptions options_of(const Environment& environment, const config::ClusterSettings& cluster) {
  const auto& line = environment.line();
  restore::RestoreOptions options;
  options.request = request_of(environment, cluster);
  options.start = line.has("start");
  options.action = action_of(line);
  options.jobs = static_cast<int>(line.find_integer("jobs").value_or(cluster.jobs));
  if (const auto directory = line.find("target-dir")) {
    options.target_directory = std::filesystem::absolute(*directory).lexically_normal();
  } else if (!line.has("plan")) {
    throw Error(ErrorKind::usage, "restore needs --target-dir")
        .hint("name an empty or new directory, or ask with --plan");
  }
  const auto mappings = line.lists.find("tablespace-map");
  if (mappings != line.lists.end()) {
    for (const auto& text : mappings->second)
      options.tablespace_map.push_back(restore::parse_tablespace_mapping(text));
  }
  options.program = disk::read_link("/proc/self/exe").value();
  options.configuration_file = std::filesystem::absolute(environment.configuration_file());
  options.cluster = cluster.name;
  options.program_arguments = {"--config", options.configuration_file, "--cluster", cluster.name};
  if (const auto repository = line.find("repository")) {
    options.program_arguments.insert(options.program_arguments.end(), {"--repository", *repository});
  }
  if (const auto binaries = line.find("bin-dir")) options.binaries = *binaries;
  if (const auto port = line.find_integer("port")) options.port = static_cast<int>(*port);
  if (const auto listen = line.find("listen-addresses")) options.listen_addresses = *listen;
  if (const auto user = postgres::user_of(cluster.connection)) options.database_users.push_back(*user);
  return options;
}

// Every repository that opens and holds the cluster, in the configuration's order.
std::vector<restore::RestoreSource> sources_of(const Environment& environment,
                                               const config::ClusterSettings& cluster) {
  std::vector<restore::RestoreSource> sources;
  std::string reasons;
  for (const auto& settings : environment.chosen_repositories()) {
    try {
      const auto repository = environment.open_repository(settings, Patience::short_look);
      const auto incarnations = repository->incarnations(cluster.name);
      if (incarnations.empty()) throw Error(ErrorKind::not_found, "holds nothing of this cluster");
      sources.push_back({repository, incarnations.back()});
    } catch (const Error& error) {
      reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", settings.name, error.what());
    }
  }
  if (sources.empty()) {
    throw Error(ErrorKind::unavailable,
                fmt::format("cluster {} can be restored from no repository ({})", cluster.name, reasons))
        .code("no_repository_readable")
        .hint("tidemark list shows what each repository holds");
  }
  return sources;
}

void print_outcome(const restore::RestoreOutcome& outcome, bool json) {
  if (outcome.started) {
    fmt::print("{}", json ? catalog::render_receipt_json(outcome.receipt)
                          : catalog::render_receipt_text(outcome.receipt));
  } else {
    fmt::print("{}", json ? catalog::render_plan_json(outcome.receipt.plan, outcome.receipt.predicted)
                          : catalog::render_plan_text(outcome.receipt.plan, outcome.receipt.predicted));
  }
  if (json) return;
  if (outcome.running) fmt::print("connect with: {}\n", outcome.connection_string);
  for (const auto& note : outcome.notes) fmt::print("note: {}\n", note);
}

}  // namespace

int run_restore(const Environment& environment) {
  const auto& cluster = environment.cluster();
  auto options = options_of(environment, cluster);
  TerminalProgress progress;
  restore::RestoreJob job(sources_of(environment, cluster), std::move(options), environment.ops(),
                          environment.clock(), progress, environment.stop());
  if (environment.line().has("plan")) {
    const auto& planned = job.plan();
    fmt::print("{}", environment.json() ? catalog::render_plan_json(planned.plan, planned.predicted)
                                        : catalog::render_plan_text(planned.plan, planned.predicted));
    return 0;
  }
  const auto outcome = job.run();
  progress.end();
  print_outcome(outcome, environment.json());
  return outcome.started && !outcome.receipt.exact ? kNotWhatWasPlanned : 0;
}

}  // namespace tidemark::cli
