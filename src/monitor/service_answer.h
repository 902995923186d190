#pragma once
// What the running service answered to /status, laid over a report that a command gathered itself: the
// service alone knows the commits that it received and has not stored yet, so its RPO is exact where the
// command's is an upper bound.

#include <string_view>

#include "monitor/cluster_report.h"

namespace tidemark::monitor {

// An answer that cannot be read, or that does not know this cluster, changes nothing.
void add_service_answer(ClusterReport& report, std::string_view status_json);

}  // namespace tidemark::monitor
