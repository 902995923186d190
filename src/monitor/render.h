#pragma once
// Reports as people and programs read them: design.md "JSON that others read"; Prometheus text format 0.0.4.

#include <string>
#include <vector>

#include "monitor/cluster_report.h"

namespace tidemark::monitor {

std::string render_status_json(const std::vector<ClusterReport>& reports);
std::string render_status_text(const ClusterReport& report);
std::string render_list_json(const std::vector<ClusterReport>& reports);
std::string render_list_text(const ClusterReport& report);
std::string render_metrics(const std::vector<ClusterReport>& reports, std::string_view version);
// "" when all is well, else one line a reason; /healthz answers 503 with it.
std::string render_health(const std::vector<ClusterReport>& reports);

}  // namespace tidemark::monitor
