#include <fmt/format.h>

#include <algorithm>

#include "monitor/render.h"

namespace tidemark::monitor {

namespace {

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) value /= 1000, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string seconds_text(double seconds) {
  if (seconds < 100) return fmt::format("{:.1f} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 2 * 86'400) return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{:.1f} days", seconds / 86'400);
}

// Times for people: to the microsecond, in UTC, ready to paste after --to.
std::string time_text(Instant instant) { return instant.to_iso(); }

// A server's message may have several lines; a reason is one.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void add(std::string& out, std::string_view label, std::string_view text) {
  out += fmt::format("  {:<14}{}\n", label, text);
}

std::string rpo_text(const ClusterReport& report) {
  const char* verdict = rpo_is_met(report) ? "met" : "MISSED";
  const std::string objective =
      fmt::format("objective {}: {}", seconds_text(report.rpo_objective_seconds), verdict);
  switch (report.rpo.state) {
    case catalog::RpoState::exact:
      if (*report.rpo.seconds == 0)
        return fmt::format("0 s, all that is committed is archived; {}", objective);
      return fmt::format("{} of committed work is not archived yet ({} of WAL); {}",
                         seconds_text(*report.rpo.seconds), bytes_text(report.rpo.bytes), objective);
    case catalog::RpoState::at_most:
      return fmt::format("at most {}; {}", seconds_text(*report.rpo.seconds), objective);
    case catalog::RpoState::unknown:
      return fmt::format("unknown; {}", objective);
  }
  return "";
}

std::string rto_text(const ClusterReport& report) {
  if (!report.rto) return fmt::format("unknown: {}", report.rto_error);
  return fmt::format("{} to come back to now ({}); objective {}: {}", seconds_text(report.rto->seconds),
                     report.rto->measured ? "from measured restores" : "not measured on this host yet",
                     seconds_text(report.rto_objective_seconds), *rto_is_met(report) ? "met" : "MISSED");
}

void add_windows(std::string& out, const ClusterReport& report) {
  if (report.windows.empty()) add(out, "restorable", "nothing: no backup with unbroken WAL yet");
  for (const auto& window : report.windows) {
    add(out, "restorable",
        fmt::format("from {} to {} on timeline {} ({} to {}{})", time_text(window.from), time_text(window.to),
                    window.timeline.value(), window.from_lsn.to_string(), window.to_lsn.to_string(),
                    window.to_basis == catalog::WindowEnd::idle ? ", idle since the last commit" : ""));
  }
  for (const auto& gap : report.gaps) {
    add(out, gap.acknowledged ? "gap (known)" : "GAP",
        fmt::format("WAL {} to {} of timeline {} is missing", gap.from.to_string(), gap.to.to_string(),
                    gap.timeline.value()));
  }
}

void add_slot(std::string& out, const ClusterReport& report) {
  if (!report.slot) {
    if (report.primary_lsn)
      add(out, "slot", fmt::format("'{}' does not exist; run tidemark init", report.slot_name));
    return;
  }
  add(out, "slot",
      fmt::format("'{}' {}, keeps {} of WAL on the primary{}", report.slot->name,
                  report.slot->active ? "in use" : "NOT in use", bytes_text(report.slot->retained_bytes),
                  report.slot->wal_status == "reserved"
                      ? ""
                      : fmt::format(" (wal_status {})", report.slot->wal_status)));
}

void add_service(std::string& out, const ClusterReport& report) {
  if (!report.service) {
    add(out, "service", "does not answer; tidemark serve is not running, or listens elsewhere");
    return;
  }
  const ServiceReport& service = *report.service;
  add(out, "service",
      fmt::format("{}{}{}", service.state,
                  service.sync_state ? fmt::format(", {} standby", *service.sync_state) : std::string(),
                  service.backup_running ? ", backup running" : ""));
  if (service.state != "streaming" && !service.last_error.empty()) add(out, "", service.last_error);
  if (!service.spool_error.empty()) add(out, "spool", service.spool_error);
  if (!service.backup_error.empty()) add(out, "last backup", fmt::format("FAILED: {}", service.backup_error));
}

std::string backup_text(const catalog::BackupHeader& backup) {
  std::string text = fmt::format("{}  {}  {}, {} stored, {}", backup.id.to_string(),
                                 backup.kind == catalog::BackupKind::full ? "full" : "incremental",
                                 bytes_text(backup.bytes), bytes_text(backup.stored_bytes),
                                 seconds_text(to_seconds(backup.finished - backup.started)));
  if (backup.bad_page_count != 0) text += fmt::format(", {} BAD PAGES", backup.bad_page_count);
  return text;
}

}  // namespace

std::string render_status_text(const ClusterReport& report) {
  std::string out = fmt::format("cluster {}\n", report.name);
  add(out, "RPO", rpo_text(report));
  add(out, "RTO", rto_text(report));
  add_windows(out, report);
  add(out, "primary",
      report.primary_lsn
          ? fmt::format("at {} on timeline {}", report.primary_lsn->to_string(), report.timeline.value())
          : fmt::format("does not answer: {}", report.primary_error));
  for (const auto& repository : report.repositories) {
    add(out, "repository",
        fmt::format("{} ({}){}: {}", repository.name, repository.place,
                    repository.required ? "" : ", not required",
                    repository.error.empty()
                        ? fmt::format("archived to {}, {} stored{}", repository.archived.to_string(),
                                      bytes_text(repository.stored_bytes),
                                      repository.encrypted ? ", encrypted" : ", not encrypted")
                        : repository.error));
  }
  add_slot(out, report);
  add_service(out, report);
  add(out, "last backup", report.last_backup ? backup_text(*report.last_backup) : std::string("none"));
  return out;
}

std::string render_list_text(const ClusterReport& report) {
  std::string out = fmt::format("cluster {}\n", report.name);
  add_windows(out, report);
  std::map<BackupId, std::pair<catalog::BackupHeader, std::string>> backups;
  for (const auto& repository : report.repositories) {
    if (!repository.inventory) {
      add(out, "repository", fmt::format("{}: {}", repository.name, repository.error));
      continue;
    }
    for (const auto& header : repository.inventory->backups) {
      auto& [kept, names] = backups.try_emplace(header.id, header, "").first->second;
      names += (names.empty() ? "" : ", ") + repository.name;
    }
  }
  if (backups.empty()) add(out, "backup", "none");
  for (const auto& [id, entry] : backups) {
    const auto& [header, names] = entry;
    add(out, "backup", fmt::format("{}, in {}", backup_text(header), names));
    add(out, "",
        fmt::format("restores from {}, WAL {} to {} on timeline {}", time_text(header.finished),
                    header.start.to_string(), header.stop.to_string(), header.timeline.value()));
  }
  return out;
}

std::string render_health(const std::vector<ClusterReport>& reports) {
  std::string out;
  for (const auto& report : reports) {
    if (!rpo_is_met(report)) out += fmt::format("{}: RPO {}\n", report.name, rpo_text(report));
    if (report.service && report.service->state != "streaming") {
      const std::string& why = report.service->last_error;
      out += fmt::format("{}: not streaming: {}{}{}\n", report.name, report.service->state,
                         why.empty() ? "" : ": ", one_line(why));
    }
    if (report.service && !report.service->backup_error.empty()) {
      out += fmt::format("{}: the last backup failed: {}\n", report.name,
                         one_line(report.service->backup_error));
    }
    for (const auto& repository : report.repositories) {
      if (repository.required && !repository.error.empty()) {
        out +=
            fmt::format("{}: repository {}: {}\n", report.name, repository.name, one_line(repository.error));
      }
    }
  }
  return out;
}

}  // namespace tidemark::monitor
