#pragma once
// A report with every part filled, for the renderers' tests.

#include "monitor/cluster_report.h"

namespace tidemark::monitor {

inline Instant at(double seconds) {
  return *Instant::parse_iso("2026-11-22T03:00:00.000000Z") +
         Microseconds(static_cast<std::int64_t>(seconds * 1e6));
}

inline catalog::BackupHeader sample_backup(int minute = 1) {
  catalog::BackupHeader header;
  header.id = BackupId(at(minute * 60), 0x1f3a);
  header.timeline = TimelineId(1);
  header.start = Lsn(0x2000028);
  header.stop = Lsn(0x2000138);
  header.started = at(minute * 60);
  header.finished = at(minute * 60 + 20);
  header.bytes = 30'000'000;
  header.stored_bytes = header.new_bytes = 4'000'000;
  header.server_version_number = 150020;
  return header;
}

inline RepositoryReport sample_repository(const std::string& name, bool required) {
  RepositoryReport repository;
  repository.name = name;
  repository.place = "posix:/srv/" + name;
  repository.required = required;
  repository.encrypted = required;
  repository.inventory.emplace();
  repository.inventory->backups = {sample_backup()};
  repository.timeline = TimelineId(1);
  repository.archived = Lsn(0x4000000);
  repository.stored_bytes = 5'000'000;
  return repository;
}

inline ServiceReport sample_service() {
  ServiceReport service;
  service.state = "streaming";
  service.received = Lsn(0x4000200);
  service.write = Lsn(0x4000100);
  service.flush = Lsn(0x4000000);
  service.sync_state = "async";
  service.clock_skew_seconds = 0.002;
  service.durable = {{"local", Lsn(0x4000000)}};
  service.received_bytes = 33'554'944;
  service.connections = 1;
  service.errors = {{"connection_lost", 2}};
  service.spool_free_bytes = 1'000'000'000;
  service.started = at(0);
  return service;
}

inline ClusterReport sample_report() {
  ClusterReport report;
  report.name = "main";
  report.now = at(300);
  report.timeline = TimelineId(1);
  report.primary_lsn = Lsn(0x4000200);
  report.archived_lsn = Lsn(0x4000000);
  report.rpo = {catalog::RpoState::exact, 1.5, 512, at(300)};
  report.rpo_objective_seconds = 5;
  report.rto_objective_seconds = 600;
  report.rto = RtoEstimate{42, true, {1, 20, 5, 15, 1, true}};
  catalog::RecoveryWindow window;
  window.timeline = TimelineId(1);
  window.from = at(80);
  window.to = at(299.25);
  window.from_lsn = Lsn(0x2000138);
  window.to_lsn = Lsn(0x4000000);
  window.to_basis = catalog::WindowEnd::idle;
  window.first_backup = sample_backup().id;
  report.windows = {window};
  report.gaps = {{TimelineId(1), Lsn(0x1000000), Lsn(0x2000000), false}};
  report.repositories = {sample_repository("local", true), sample_repository("offsite", false)};
  report.slot = postgres::SlotState{"tidemark", true, Lsn(0x4000000), "reserved", 1 << 30, 512};
  report.slot_name = "tidemark";
  report.last_backup = sample_backup();
  report.service = sample_service();
  return report;
}

// Nothing could be read and nobody answers.
inline ClusterReport unknown_report() {
  ClusterReport report;
  report.name = "main";
  report.now = at(300);
  report.primary_error = "connection refused";
  report.rpo = {catalog::RpoState::unknown, std::nullopt, 0, at(300)};
  report.rpo_objective_seconds = 5;
  report.rto_objective_seconds = 600;
  report.rto_error = "no repository could be read";
  report.slot_name = "tidemark";
  RepositoryReport repository;
  repository.name = "local";
  repository.place = "posix:/srv/local";
  repository.error = "no route to host";
  report.repositories = {repository};
  return report;
}

}  // namespace tidemark::monitor
