#include "service/live_report.h"

#include <algorithm>

#include "monitor/gather.h"

namespace tidemark::service {

namespace {

using archive::ArchiveState;
using archive::ArchiveStatus;

std::string explained_error(const ArchiveStatus& status, const std::string& slot) {
  if (status.last_error_code != "slot_active") return status.last_error;
  return status.last_error + "; the slot " + slot +
         " is in use by another process: is a second tidemark serve running for this cluster?";
}

monitor::ServiceReport service_report(const LiveFacts& facts, const std::string& slot) {
  const ArchiveStatus& status = facts.archive;
  monitor::ServiceReport service;
  service.state = archive::to_string(status.state);
  service.received = status.received;
  service.write = status.write;
  service.flush = status.flush;
  service.sync_state = status.sync_state;
  if (status.clock_skew) service.clock_skew_seconds = to_seconds(*status.clock_skew);
  if (status.state != ArchiveState::streaming) service.last_error = explained_error(status, slot);
  service.spool_error = status.spool_error;
  service.backup_error = facts.backup.last_error;
  service.backup_running = facts.backup.running;
  service.last_backup_seconds = facts.backup.last_seconds;
  service.received_bytes = status.counters.received_bytes;
  service.connections = status.counters.connections;
  service.errors = status.counters.errors;
  service.spool_free_bytes = facts.spool_free_bytes;
  service.started = facts.started;
  for (const auto& lane : status.lanes) {
    service.durable[lane.repository] = lane.durable;
    const bool fails =
        lane.state == archive::LaneState::failing || lane.state == archive::LaneState::divergent;
    if (fails) service.lane_errors[lane.repository] = lane.last_error;
  }
  return service;
}

void lay_lanes_over(monitor::ClusterReport& report, const LiveFacts& facts) {
  std::optional<Lsn> worst;
  for (const auto& lane : facts.archive.lanes) {
    if (lane.required && (!worst || lane.durable < *worst)) worst = lane.durable;
    for (auto& repository : report.repositories) {
      if (repository.name != lane.repository) continue;
      repository.archived = lane.durable;
      repository.timeline = facts.archive.timeline;
      const auto trouble = report.service->lane_errors.find(lane.repository);
      if (trouble != report.service->lane_errors.end() && repository.error.empty()) {
        repository.error = trouble->second;
      }
    }
  }
  if (worst) report.archived_lsn = *worst;
}

catalog::Rpo live_rpo(const monitor::ClusterReport& report, const LiveFacts& facts) {
  catalog::RpoFacts rpo = facts.archive.rpo_facts(facts.now);
  if (facts.proven_until && (!rpo.last_proof || *rpo.last_proof < *facts.proven_until)) {
    rpo.last_proof = facts.proven_until;
  }
  if (facts.archive.lanes.empty()) {
    // No archiver at work: what the repositories show is all that is known, and one that cannot be read may
    // have lost everything.
    if (monitor::a_required_one_cannot_be_read(report)) {
      return {catalog::RpoState::unknown, std::nullopt, 0, rpo.now};
    }
    rpo.durable = report.archived_lsn;
    rpo.received = rpo.durable;
    rpo.oldest_undurable_commit.reset();
  }
  return catalog::rpo_now(rpo);
}

}  // namespace

monitor::ClusterReport merge_report(monitor::ClusterReport snapshot, const LiveFacts& facts) {
  monitor::ClusterReport report = std::move(snapshot);
  const ArchiveStatus& status = facts.archive;
  report.now = facts.now + status.clock_skew.value_or(Microseconds(0));
  report.service = service_report(facts, report.slot_name);
  if (status.timeline.valid()) report.timeline = status.timeline;
  report.primary_lsn.reset();
  report.primary_error.clear();
  if (status.server_answers && status.moment) {
    report.primary_lsn = status.moment->insert_lsn;
  } else {
    report.primary_error = status.last_error.empty() ? "it was not reached yet" : status.last_error;
  }
  report.rpo = live_rpo(report, facts);
  lay_lanes_over(report, facts);
  report.slot = status.slot;
  return report;
}

}  // namespace tidemark::service
