#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/report.h"
#include "monitor/render.h"

namespace tidemark::cli {

int run_list(const Environment& environment) {
  std::vector<monitor::ClusterReport> reports;
  const auto repositories = environment.open_for_report();
  for (const auto* cluster : environment.clusters()) {
    reports.push_back(
        monitor::read_repositories(gather_options(*cluster), repositories, environment.clock().now()));
  }
  if (environment.json()) {
    fmt::print("{}", monitor::render_list_json(reports));
  } else {
    for (const auto& report : reports) fmt::print("{}", monitor::render_list_text(report));
  }
  throw_when_nothing_was_read(reports);
  return 0;
}

}  // namespace tidemark::cli
