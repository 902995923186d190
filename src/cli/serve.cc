#include "cli/commands.h"
#include "config/moment.h"
#include "service/service.h"

namespace tidemark::cli {

namespace {

service::ClusterService cluster_of(const Environment& environment, const config::ClusterSettings& settings) {
  service::ClusterService cluster;
  cluster.name = settings.name;
  cluster.connection = connection_of(settings);
  if (settings.data_directory) cluster.data_directory = *settings.data_directory;
  cluster.slot = settings.slot;
  cluster.rpo = settings.rpo;
  cluster.rto = settings.rto;
  cluster.full_every = settings.full_every;
  cluster.jobs = settings.jobs;
  if (settings.backup_window) {
    cluster.backup_allowed = [window = *settings.backup_window, zone = settings.timezone](Instant now) {
      return config::contains(window, config::minute_of_day(now, zone));
    };
  }
  for (const auto& repository : environment.chosen_repositories()) {
    cluster.repositories.push_back(
        {repository.name, "posix:" + repository.posix_path, repository.required, [&environment, repository] {
           return environment.open_repository(repository, Patience::short_look);
         }});
  }
  return cluster;
}

}  // namespace

int run_serve(const Environment& environment) {
  service::ServiceOptions options;
  const auto& listen = environment.settings().service.listen;
  options.listen = {listen.host, listen.port};
  options.spool = environment.settings().service.spool;
  options.version = TIDEMARK_VERSION;
  for (const auto* cluster : environment.clusters())
    options.clusters.push_back(cluster_of(environment, *cluster));
  service::run_service(options, environment.ops(), environment.clock());
  return 0;
}

}  // namespace tidemark::cli
