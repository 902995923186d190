#include <fmt/format.h>

#include <filesystem>

#include "cli/commands.h"
#include "disk/directory_walk.h"
#include "tidemark/error.h"

namespace tidemark::cli {

namespace {

struct Finding {
  std::string problem, remedy;
};

catalog::Incarnation incarnation_of(const config::ClusterSettings& cluster,
                                    const postgres::ServerFacts& facts) {
  return {cluster.name, facts.version_number / 10000, facts.system_id};
}

void store_identity(repository::Repository& repository, const config::ClusterSettings& cluster,
                    const postgres::ServerFacts& facts, Instant now) {
  repository::ClusterIdentity identity;
  identity.incarnation = incarnation_of(cluster, facts);
  identity.segment_bytes = facts.segment_bytes;
  identity.block_bytes = facts.block_bytes;
  identity.catalog_version = facts.catalog_version;
  identity.server_version_number = facts.version_number;
  identity.recorded = now;
  repository::put_identity(repository, identity);
}

// Everything that can be wrong with the server for us; what is fatal ends init before anything was created.
std::vector<Finding> check_cluster(postgres::Connection& connection, const postgres::ServerFacts& facts,
                                   const config::ClusterSettings& cluster) {
  std::vector<Finding> warnings;
  std::string problems, remedies;
  for (const auto& found : postgres::check_server(connection, facts, cluster.slot)) {
    if (found.fatal) {
      problems += (problems.empty() ? "" : "; ") + found.problem;
      remedies += (remedies.empty() ? "" : "; ") + found.remedy;
    } else {
      warnings.push_back({found.problem, found.remedy});
    }
  }
  if (!problems.empty()) {
    throw Error(ErrorKind::refused, fmt::format("cluster {} is not ready: {}", cluster.name, problems))
        .code("server_not_ready")
        .hint(remedies);
  }
  return warnings;
}

// One failure of a device must not take the database and its backups together.
void warn_of_shared_devices(const Environment& environment, const postgres::ServerFacts& facts,
                            std::vector<Finding>& warnings) {
  std::vector<std::pair<std::string, std::filesystem::path>> places;
  if (!facts.data_directory.empty() && disk::path_exists(facts.data_directory)) {
    places.emplace_back("the data directory", facts.data_directory);
  }
  for (const auto& repository : environment.settings().repositories) {
    places.emplace_back(fmt::format("repository {}", repository.name), repository.posix_path);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = i + 1; j < places.size(); ++j) {
      if (!disk::path_exists(places[i].second) || !disk::path_exists(places[j].second)) continue;
      if (!disk::same_device(places[i].second, places[j].second)) continue;
      warnings.push_back({fmt::format("{} and {} lie on one device and can be lost together", places[i].first,
                                      places[j].first),
                          "put the repository on another device, or add a second repository elsewhere"});
    }
  }
}

void init_cluster(const Environment& environment, const config::ClusterSettings& cluster) {
  postgres::Connection connection(connection_of(cluster), environment.stop());
  const auto facts = postgres::read_server_facts(connection);
  auto warnings = check_cluster(connection, facts, cluster);
  const auto now = environment.clock().now();
  for (const auto& settings : environment.settings().repositories) {
    const auto repository = environment.create_repository(settings);
    store_identity(*repository, cluster, facts, now);
    fmt::print("repository {}: posix:{}, {}\n", settings.name, settings.posix_path,
               repository->secrets().encrypted() ? "encrypted" : "NOT encrypted (no encryption.key_file)");
  }
  const auto slot = postgres::create_physical_slot(connection, cluster.slot);
  fmt::print("cluster {}: PostgreSQL {}.{}, system identifier {}, WAL segments of {} MB\n", cluster.name,
             facts.version_number / 10000, facts.version_number % 10000, facts.system_id.to_string(),
             facts.segment_bytes >> 20);
  fmt::print("slot '{}': {}\n", cluster.slot,
             slot == postgres::SlotCreation::created ? "created; the primary keeps WAL for it from now on"
                                                     : "exists already");
  warn_of_shared_devices(environment, facts, warnings);
  for (const auto& warning : warnings) fmt::print("warning: {}\n  {}\n", warning.problem, warning.remedy);
}

}  // namespace

int run_init(const Environment& environment) {
  for (const auto* cluster : environment.clusters()) init_cluster(environment, *cluster);
  disk::make_folders(environment.ops(), environment.settings().service.spool, 0700);
  fmt::print("next: start 'tidemark serve'; it streams WAL at once and takes the first backup by itself\n");
  return 0;
}

}  // namespace tidemark::cli
