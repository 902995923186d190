#pragma once
// Reads what a report needs: the repositories (a checkpoint plus what came after it) and, when it answers,
// the primary.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "monitor/cluster_report.h"
#include "postgres/connection.h"
#include "repository/repository.h"
#include "tidemark/clock.h"
#include "tidemark/stop.h"

namespace tidemark::monitor {

struct ConfiguredRepository {
  std::string name, place;
  bool required = true;
  std::shared_ptr<repository::Repository> opened;  // nullptr: it could not be opened
  std::string error;                               // why
};

struct GatherOptions {
  std::string cluster;
  std::string slot;
  double rpo_objective_seconds = 0, rto_objective_seconds = 0;
};

// The newest incarnation of the cluster in each repository. Never throws for a repository or a primary that
// is down: the report says so.
ClusterReport read_repositories(const GatherOptions& options,
                                const std::vector<ConfiguredRepository>& repositories, Instant now);

// Up to this moment nothing acknowledged is missing in the worst required repository that could be read.
std::optional<Instant> proven_until(const ClusterReport& report);
bool a_required_one_cannot_be_read(const ClusterReport& report);

// Adds the primary's view and computes RPO without a service's help: exact when nothing lies beyond what is
// archived.
void add_primary(ClusterReport& report, const postgres::ConnectionOptions& connection, const StopToken& stop);

}  // namespace tidemark::monitor
