#include "cli/report.h"

#include <fmt/format.h>

#include "tidemark/error.h"

namespace tidemark::cli {

monitor::GatherOptions gather_options(const config::ClusterSettings& cluster) {
  monitor::GatherOptions options;
  options.cluster = cluster.name;
  options.slot = cluster.slot;
  options.rpo_objective_seconds = to_seconds(cluster.rpo);
  options.rto_objective_seconds = to_seconds(cluster.rto);
  return options;
}

void throw_when_nothing_was_read(const std::vector<monitor::ClusterReport>& reports) {
  std::string reasons;
  for (const auto& report : reports) {
    for (const auto& repository : report.repositories) {
      if (repository.inventory) return;
      reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", repository.name, repository.error);
    }
  }
  throw Error(ErrorKind::unavailable, fmt::format("no repository could be read ({})", reasons))
      .code("no_repository_readable")
      .hint(
          "check that the repositories' paths are mounted and readable for this user; tidemark init creates "
          "new ones");
}

}  // namespace tidemark::cli
