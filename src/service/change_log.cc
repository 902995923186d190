#include "service/change_log.h"

#include <fmt/format.h>

#include <utility>

#include "service/archive_keeper.h"
#include "service/logged_progress.h"

namespace tidemark::service {

std::vector<LogLine> ChangeLog::changes(const monitor::ClusterReport& report) {
  cluster_ = report.name;
  if (report.service) {
    follow_state(report);
    follow_trouble("spool", report.service->spool_error, "works again");
  }
  for (const auto& repository : report.repositories) {
    if (repository.error == kNotOpenYet) continue;
    follow_trouble(fmt::format("repository {}", repository.name), repository.error, "works again");
  }
  follow_rpo(report);
  follow_server(report);
  return std::exchange(lines_, {});
}

void ChangeLog::add(LogLevel level, std::string text) {
  lines_.push_back({level, fmt::format("{}: {}", cluster_, text)});
}

// Connecting is on the way to something; only where it leads is worth a line.
void ChangeLog::follow_state(const monitor::ClusterReport& report) {
  const auto& service = *report.service;
  if (service.state == "connecting" || service.state == "idle" || service.state == state_) return;
  const bool first = state_.empty();
  state_ = service.state;
  if (state_ == "streaming") {
    if (!first) {
      add(LogLevel::info, fmt::format("streaming again from {}, archived to {}", service.received.to_string(),
                                      service.flush.to_string()));
    }
    return;
  }
  add(LogLevel::error, fmt::format("not streaming: {}: {}", state_, service.last_error));
}

void ChangeLog::follow_trouble(const std::string& what, const std::string& trouble,
                               const std::string& mended) {
  std::string& known = troubles_[what];
  if (known.empty() == trouble.empty()) return;
  known = trouble;
  if (trouble.empty()) {
    add(LogLevel::info, fmt::format("{} {}", what, mended));
  } else {
    add(LogLevel::error, fmt::format("{}: {}", what, trouble));
  }
}

// Before anything streams the figure is unknown, which is no news.
void ChangeLog::follow_rpo(const monitor::ClusterReport& report) {
  if (state_.empty()) return;
  const bool missed = !monitor::rpo_is_met(report);
  if (missed == rpo_missed_) return;
  rpo_missed_ = missed;
  const std::string now = report.rpo.seconds ? span_text(*report.rpo.seconds) : "unknown";
  if (missed) {
    add(LogLevel::error, fmt::format("the RPO objective of {} is missed: {}, {} of WAL not archived",
                                     span_text(report.rpo_objective_seconds), now,
                                     bytes_text(static_cast<double>(report.rpo.bytes))));
  } else {
    add(LogLevel::info, fmt::format("the RPO objective is met again: {}", now));
  }
}

void ChangeLog::follow_server(const monitor::ClusterReport& report) {
  const auto sync = report.service ? report.service->sync_state : std::nullopt;
  if (sync && sync != sync_state_) {
    const bool waits = *sync == "sync" || *sync == "quorum";
    if (sync_state_ || waits) {
      add(LogLevel::info, fmt::format("our sync_state is {}: commits on the primary {} wait for us", *sync,
                                      waits ? "may" : "do not"));
    }
    sync_state_ = sync;
  }
  const std::string wal_status = report.slot ? report.slot->wal_status : wal_status_;
  if (wal_status == wal_status_) return;
  const bool news = !wal_status_.empty() || wal_status == "unreserved" || wal_status == "lost";
  wal_status_ = wal_status;
  if (!news) return;
  const bool fine = wal_status == "reserved" || wal_status == "extended";
  add(fine ? LogLevel::info : LogLevel::error,
      fmt::format("the slot {} has wal_status {} and keeps {} of WAL on the primary", report.slot->name,
                  wal_status, bytes_text(static_cast<double>(report.slot->retained_bytes))));
}

std::string summary_text(const monitor::ClusterReport& report) {
  return fmt::format("{}: {}, RPO {}{}", report.name, report.service ? report.service->state : "starting",
                     report.rpo.seconds ? span_text(*report.rpo.seconds) : "unknown",
                     report.service && report.service->backup_running ? ", backup running" : "");
}

}  // namespace tidemark::service
