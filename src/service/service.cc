#include "service/service.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <list>
#include <thread>
#include <utility>

#include "flow/worker_group.h"
#include "monitor/render.h"
#include "service/cluster_runner.h"
#include "service/systemd.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::service {

namespace {

constexpr std::chrono::milliseconds kTick{1000};  // for the log's and the service manager's sake
constexpr int kInterruptedStatus = 128;           // and the signal's number, as a shell reports it

void check_options(const ServiceOptions& options) {
  if (options.clusters.empty()) throw Error(ErrorKind::config, "no cluster is configured");
  for (const ClusterService& cluster : options.clusters) {
    const bool any_required = std::any_of(cluster.repositories.begin(), cluster.repositories.end(),
                                          [](const ServiceRepository& one) { return one.required; });
    if (any_required) continue;
    throw Error(ErrorKind::config,
                fmt::format("cluster {} has no required repository, so nothing could ever be acknowledged",
                            cluster.name))
        .hint("leave out `required: false` for at least one repository");
  }
}

class Service {
 public:
  Service(const ServiceOptions& options, disk::DurableOps& ops, Clock& clock)
      : options_(options), loop_(options.listen, handlers()), workers_(StopToken()) {
    for (const ClusterService& cluster : options_.clusters) {
      clusters_.emplace_back(cluster, options_.spool, ops, clock);
    }
  }

  void run() {
    prepare();
    for (ClusterRunner& cluster : clusters_) cluster.start(workers_);
    std::exception_ptr failure;
    // Joins the workers, whichever way they end, and with them the loop.
    std::thread joiner([this, &failure] {
      try {
        workers_.join();
      } catch (...) {
        failure = std::current_exception();
      }
      loop_.stop();
    });
    notify_ready();
    std::exception_ptr loop_failure;
    try {
      loop_.run();
    } catch (...) {
      loop_failure = std::current_exception();
      workers_.request_stop();
    }
    joiner.join();
    if (failure) std::rethrow_exception(failure);
    if (loop_failure) std::rethrow_exception(loop_failure);
    log_info("service", "stopped");
  }

 private:
  void prepare() {
    // A closed log pipe must not end the service.
    ::signal(SIGPIPE, SIG_IGN);
    for (const int number : {SIGTERM, SIGINT}) {
      loop_.on_signal(number, [this, number] { on_stop_signal(number); });
    }
    loop_.on_signal(SIGHUP, [] {
      log_info("service", "SIGHUP changes nothing: the configuration is read at the start only");
    });
    loop_.every(kTick, [this] { tick(); });
    if (const auto period = watchdog_period()) loop_.every(*period, [] { notify_alive(); });
    std::string names;
    for (const ClusterService& cluster : options_.clusters) {
      names += (names.empty() ? "" : ", ") + cluster.name;
    }
    log_info("service", fmt::format("tidemark {} started: cluster{} {}; http://{}:{}/healthz, /metrics, "
                                    "/status; spool {}",
                                    options_.version, options_.clusters.size() == 1 ? "" : "s", names,
                                    options_.listen.host, loop_.port(), options_.spool.string()));
  }

  void on_stop_signal(int number) {
    if (stopping_) {
      log_warning("service", "a second signal: ended at once, the server keeps what is not archived");
      ::_exit(kInterruptedStatus + number);
    }
    stopping_ = true;
    log_info("service", fmt::format("stopping on {}: shipping what was received",
                                    number == SIGTERM ? "SIGTERM" : "SIGINT"));
    notify_stopping();
    workers_.request_stop();
  }

  void tick() {
    std::string summary;
    for (ClusterRunner& cluster : clusters_) {
      const auto report = cluster.report();
      if (!stopping_) cluster.log_changes(report);
      summary += (summary.empty() ? "" : "; ") + summary_text(report);
    }
    if (std::exchange(summary_, summary) != summary) notify_status(summary);
  }

  std::vector<monitor::ClusterReport> reports() const {
    std::vector<monitor::ClusterReport> all;
    for (const ClusterRunner& cluster : clusters_) all.push_back(cluster.report());
    return all;
  }

  std::map<std::string, web::Handler> handlers() {
    return {{"/healthz",
             [this] {
               const std::string trouble = monitor::render_health(reports());
               return web::Response{trouble.empty() ? 200 : 503, "text/plain; charset=utf-8",
                                    trouble.empty() ? "ok\n" : trouble};
             }},
            {"/metrics",
             [this] {
               return web::Response{200, "text/plain; version=0.0.4; charset=utf-8",
                                    monitor::render_metrics(reports(), options_.version)};
             }},
            {"/status", [this] {
               return web::Response{200, "application/json", monitor::render_status_json(reports())};
             }}};
  }

  const ServiceOptions& options_;
  web::EventLoop loop_;
  std::list<ClusterRunner> clusters_;
  flow::WorkerGroup workers_;  // after what its threads use
  // The loop's thread only.
  bool stopping_ = false;
  std::string summary_;
};

}  // namespace

void run_service(const ServiceOptions& options, disk::DurableOps& ops, Clock& clock) {
  check_options(options);
  Service(options, ops, clock).run();
}

}  // namespace tidemark::service
