#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/report.h"
#include "monitor/render.h"
#include "monitor/service_answer.h"
#include "web/http_client.h"

namespace tidemark::cli {

namespace {

constexpr auto kServiceLimit = std::chrono::milliseconds(1000);
constexpr auto kPrimaryLimit = std::chrono::milliseconds(3000);
constexpr int kObjectiveMissed = 4;

}  // namespace

int run_status(const Environment& environment) {
  const auto& listen = environment.settings().service.listen;
  const auto answer = web::http_get({listen.host, listen.port}, "/status", kServiceLimit);
  const auto repositories = environment.open_for_report();
  std::vector<monitor::ClusterReport> reports;
  bool met = true;
  for (const auto* cluster : environment.clusters()) {
    auto report =
        monitor::read_repositories(gather_options(*cluster), repositories, environment.clock().now());
    auto connection = connection_of(*cluster);
    connection.connect_timeout = kPrimaryLimit;
    connection.statement_timeout = kPrimaryLimit;
    monitor::add_primary(report, connection, environment.stop());
    if (answer && answer->status == 200) monitor::add_service_answer(report, answer->body);
    met = met && monitor::objectives_are_met(report);
    reports.push_back(std::move(report));
  }
  if (environment.json()) {
    fmt::print("{}", monitor::render_status_json(reports));
  } else {
    for (const auto& report : reports) fmt::print("{}", monitor::render_status_text(report));
  }
  return met ? 0 : kObjectiveMissed;
}

}  // namespace tidemark::cli
