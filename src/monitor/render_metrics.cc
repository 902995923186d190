#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "monitor/render.h"

namespace tidemark::monitor {

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

// Writes families in order: HELP and TYPE once, then a sample for each cluster that has one.
class Exposition {
 public:
  explicit Exposition(const std::vector<ClusterReport>& reports) : reports_(reports) {}

  using Value = std::function<std::optional<double>(const ClusterReport&)>;
  void gauge(std::string_view name, std::string_view help, const Value& value) {
    family(name, "gauge", help, value);
  }
  void counter(std::string_view name, std::string_view help, const Value& value) {
    family(name, "counter", help, value);
  }

  void begin(std::string_view name, std::string_view type, std::string_view help) {
    out_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  void sample(std::string_view name, std::string_view labels, double value) {
    out_ += fmt::format("{}{{{}}} {}\n", name, labels,
                        std::isnan(value) ? std::string("NaN") : fmt::format("{}", value));
  }
  static std::string cluster_label(const ClusterReport& report) {
    return fmt::format("cluster=\"{}\"", escaped(report.name));
  }
  std::string take() { return std::move(out_); }

 private:
  void family(std::string_view name, std::string_view type, std::string_view help, const Value& value) {
    begin(name, type, help);
    for (const auto& report : reports_) {
      if (const auto found = value(report)) sample(name, cluster_label(report), *found);
    }
  }

  const std::vector<ClusterReport>& reports_;
  std::string out_;
};

double unix_seconds(Instant instant) { return static_cast<double>(instant.unix_microseconds()) / 1e6; }
double number(std::uint64_t value) { return static_cast<double>(value); }

// A value of the service's part, absent while that is unknown.
Exposition::Value of_service(std::function<std::optional<double>(const ServiceReport&)> value) {
  return [value = std::move(value)](const ClusterReport& report) {
    return report.service ? value(*report.service) : std::nullopt;
  };
}

void add_objectives(Exposition& out, const std::vector<ClusterReport>& reports) {
  out.gauge("tidemark_rpo_seconds",
            "Committed work that is not in every required repository; NaN when unknown.",
            [](const ClusterReport& r) { return r.rpo.seconds.value_or(std::nan("")); });
  out.gauge("tidemark_rpo_bytes", "WAL of the primary that is not in every required repository.",
            [](const ClusterReport& r) { return number(r.rpo.bytes); });
  out.begin("tidemark_rpo_state", "gauge",
            "1 for the state the RPO figure is in: exact, at_most or unknown.");
  for (const auto& report : reports) {
    for (const auto state :
         {catalog::RpoState::exact, catalog::RpoState::at_most, catalog::RpoState::unknown}) {
      out.sample("tidemark_rpo_state",
                 fmt::format("{},state=\"{}\"", Exposition::cluster_label(report), catalog::to_string(state)),
                 report.rpo.state == state ? 1 : 0);
    }
  }
  out.gauge("tidemark_rpo_objective_seconds", "What the RPO must not exceed.",
            [](const ClusterReport& r) { return r.rpo_objective_seconds; });
  out.gauge("tidemark_rpo_met", "1 while the RPO objective is met; an unknown figure counts as missed.",
            [](const ClusterReport& r) { return rpo_is_met(r) ? 1.0 : 0.0; });
  out.gauge("tidemark_rto_predicted_seconds", "Predicted time to come back to now.",
            [](const ClusterReport& r) { return r.rto ? std::optional(r.rto->seconds) : std::nullopt; });
  out.gauge("tidemark_rto_objective_seconds", "What coming back must not exceed.",
            [](const ClusterReport& r) { return r.rto_objective_seconds; });
}

void add_windows(Exposition& out) {
  out.gauge("tidemark_earliest_restorable_timestamp_seconds", "Earliest moment that can be restored to.",
            [](const ClusterReport& r) -> std::optional<double> {
              if (r.windows.empty()) return std::nullopt;
              return unix_seconds(r.windows.front().from);
            });
  out.gauge("tidemark_latest_restorable_timestamp_seconds", "Latest moment that is proven to be restorable.",
            [](const ClusterReport& r) -> std::optional<double> {
              if (r.windows.empty()) return std::nullopt;
              return unix_seconds(r.windows.back().to);
            });
  out.gauge("tidemark_wal_gaps", "Holes in the archived WAL that nobody acknowledged.",
            [](const ClusterReport& r) {
              double count = 0;
              for (const auto& gap : r.gaps) count += gap.acknowledged ? 0 : 1;
              return count;
            });
}

void add_positions(Exposition& out, const std::vector<ClusterReport>& reports) {
  out.gauge("tidemark_primary_lsn_bytes", "Insert position of the primary.", [](const ClusterReport& r) {
    return r.primary_lsn ? std::optional(number(r.primary_lsn->value())) : std::nullopt;
  });
  out.gauge("tidemark_primary_up", "1 while the primary answers.",
            [](const ClusterReport& r) { return r.primary_lsn ? 1.0 : 0.0; });
  out.gauge("tidemark_wal_received_lsn_bytes", "End of the WAL that was received.",
            of_service([](const ServiceReport& s) { return number(s.received.value()); }));
  out.gauge("tidemark_wal_write_lsn_bytes", "End of the WAL that is durable in the spool.",
            of_service([](const ServiceReport& s) { return number(s.write.value()); }));
  out.gauge("tidemark_wal_flush_lsn_bytes", "End of the WAL that is durable in every required repository.",
            of_service([](const ServiceReport& s) { return number(s.flush.value()); }));
  out.gauge("tidemark_streaming", "1 while WAL is streamed.",
            of_service([](const ServiceReport& s) { return s.state == "streaming" ? 1.0 : 0.0; }));
  out.counter("tidemark_wal_received_bytes_total", "WAL bytes received since the service began.",
              of_service([](const ServiceReport& s) { return number(s.received_bytes); }));
  out.counter("tidemark_wal_connections_total", "Streams begun since the service began.",
              of_service([](const ServiceReport& s) { return number(s.connections); }));
  out.begin("tidemark_repository_lsn_bytes", "gauge",
            "End of contiguous WAL that is durable in the repository.");
  for (const auto& report : reports) {
    if (!report.service) continue;
    for (const auto& [repository, durable] : report.service->durable) {
      out.sample("tidemark_repository_lsn_bytes",
                 fmt::format("{},repository=\"{}\"", Exposition::cluster_label(report), escaped(repository)),
                 number(durable.value()));
    }
  }
  out.begin("tidemark_repository_up", "gauge", "1 while the repository can be read and written.");
  for (const auto& report : reports) {
    for (const auto& repository : report.repositories) {
      const bool lane_fails = report.service && report.service->lane_errors.contains(repository.name);
      out.sample(
          "tidemark_repository_up",
          fmt::format("{},repository=\"{}\"", Exposition::cluster_label(report), escaped(repository.name)),
          repository.error.empty() && !lane_fails ? 1 : 0);
    }
  }
}

void add_slot_and_spool(Exposition& out) {
  out.gauge("tidemark_slot_retained_bytes", "WAL that the slot makes the primary keep.",
            [](const ClusterReport& r) {
              return r.slot ? std::optional(number(r.slot->retained_bytes)) : std::nullopt;
            });
  out.gauge("tidemark_slot_active", "1 while the slot is in use; 0 also when it does not exist.",
            [](const ClusterReport& r) { return r.slot && r.slot->active ? 1.0 : 0.0; });
  out.gauge("tidemark_spool_up", "1 while the spool can be written.",
            of_service([](const ServiceReport& s) { return s.spool_error.empty() ? 1.0 : 0.0; }));
  out.gauge("tidemark_spool_free_bytes", "Free space of the spool's file system.",
            of_service([](const ServiceReport& s) { return number(s.spool_free_bytes); }));
}

void add_backups(Exposition& out, const std::vector<ClusterReport>& reports) {
  using Of = std::function<double(const catalog::BackupHeader&)>;
  const auto of_last = [](Of value) -> Exposition::Value {
    return [value = std::move(value)](const ClusterReport& r) {
      return r.last_backup ? std::optional(value(*r.last_backup)) : std::nullopt;
    };
  };
  out.gauge("tidemark_last_backup_timestamp_seconds", "When the last backup finished.",
            of_last([](const catalog::BackupHeader& b) { return unix_seconds(b.finished); }));
  out.gauge("tidemark_last_backup_duration_seconds", "How long the last backup took.",
            of_last([](const catalog::BackupHeader& b) { return to_seconds(b.finished - b.started); }));
  out.gauge("tidemark_last_backup_bytes", "Size of the cluster in the last backup.",
            of_last([](const catalog::BackupHeader& b) { return number(b.bytes); }));
  out.gauge("tidemark_last_backup_stored_bytes", "What the last backup takes in the repository.",
            of_last([](const catalog::BackupHeader& b) { return number(b.stored_bytes); }));
  out.gauge("tidemark_last_backup_bad_pages", "Pages of the last backup whose checksum was wrong.",
            of_last([](const catalog::BackupHeader& b) { return number(b.bad_page_count); }));
  out.gauge("tidemark_backup_failed", "1 when the last backup that the service tried failed.",
            of_service([](const ServiceReport& s) { return s.backup_error.empty() ? 0.0 : 1.0; }));
  out.begin("tidemark_errors_total", "counter", "Errors of the archiver since the service began, by code.");
  for (const auto& report : reports) {
    if (!report.service) continue;
    for (const auto& [code, count] : report.service->errors) {
      out.sample("tidemark_errors_total",
                 fmt::format("{},code=\"{}\"", Exposition::cluster_label(report), escaped(code)),
                 number(count));
    }
  }
}

}  // namespace

std::string render_metrics(const std::vector<ClusterReport>& reports, std::string_view version) {
  Exposition out(reports);
  out.begin("tidemark_build_info", "gauge", "1, with the program's version.");
  out.sample("tidemark_build_info", fmt::format("version=\"{}\"", escaped(version)), 1);
  add_objectives(out, reports);
  add_windows(out);
  add_positions(out, reports);
  add_slot_and_spool(out);
  add_backups(out, reports);
  return out.take();
}

}  // namespace tidemark::monitor
