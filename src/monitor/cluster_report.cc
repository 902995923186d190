#include "monitor/cluster_report.h"

namespace tidemark::monitor {

bool rpo_is_met(const ClusterReport& report) {
  return catalog::rpo_met(report.rpo, report.rpo_objective_seconds);
}

std::optional<bool> rto_is_met(const ClusterReport& report) {
  if (!report.rto) return std::nullopt;
  return report.rto->seconds <= report.rto_objective_seconds;
}

bool objectives_are_met(const ClusterReport& report) {
  return rpo_is_met(report) && rto_is_met(report).value_or(false);
}

}  // namespace tidemark::monitor
