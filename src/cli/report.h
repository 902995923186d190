#pragma once
// What list and status share.

#include <vector>

#include "cli/environment.h"
#include "monitor/cluster_report.h"
#include "monitor/gather.h"

namespace tidemark::cli {

monitor::GatherOptions gather_options(const config::ClusterSettings& cluster);
// Error unavailable when no repository of any cluster could be read: an empty answer would look like an empty
// archive.
void throw_when_nothing_was_read(const std::vector<monitor::ClusterReport>& reports);

}  // namespace tidemark::cli
