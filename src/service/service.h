#pragma once
// `tidemark serve`: for each cluster an archiver, the backups that its objectives need and its figures,
// behind one event loop that answers HTTP and signals. design.md "The objectives run the service".
//
// The service comes up whatever is down and keeps trying: /healthz then says what is missing. Two services on
// one cluster are told apart by the replication slot: the second one waits and says so.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disk/durable_ops.h"
#include "postgres/connection.h"
#include "repository/repository.h"
#include "tidemark/clock.h"
#include "tidemark/instant.h"
#include "web/event_loop.h"

namespace tidemark::service {

struct ServiceRepository {
  std::string name, place;  // place, for reports: "posix:/srv/tidemark"
  bool required = true;
  // Opens it or throws Error; called again until it succeeds, from the cluster's threads. The store must give
  // up within seconds (the archiver tries again itself) and must outlive a stop: what was received is still
  // shipped then.
  std::function<std::shared_ptr<repository::Repository>()> open;
};

struct ClusterService {
  std::string name;
  postgres::ConnectionOptions connection;
  std::optional<std::filesystem::path> data_directory;  // unset: no scheduled backups
  std::string slot = "tidemark";
  Microseconds rpo = std::chrono::seconds(5);
  Microseconds rto = std::chrono::hours(1);
  Microseconds full_every = std::chrono::hours(7 * 24);  // 0: never by age
  // May a scheduled backup start now? Empty: always. The very first backup does not ask: nothing can be
  // restored without it.
  std::function<bool(Instant)> backup_allowed;
  int jobs = 2;
  std::vector<ServiceRepository> repositories;
};

struct ServiceOptions {
  web::ListenAddress listen;
  std::filesystem::path spool;  // each cluster's lies in a folder of its name
  std::string version;
  std::vector<ClusterService> clusters;
};

// Until SIGTERM or SIGINT; then what was received is shipped, a running backup is given up, and it returns. A
// second signal ends the process at once. Errors: config when the address cannot be listened on or no
// repository of a cluster is required; otherwise only our own failures (kind internal).
void run_service(const ServiceOptions& options, disk::DurableOps& ops, Clock& clock);

}  // namespace tidemark::service
