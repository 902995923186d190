#include <nlohmann/json.hpp>

#include "monitor/render.h"

namespace tidemark::monitor {

namespace {

using Json = nlohmann::ordered_json;

template <typename T, typename Convert>
Json or_null(const std::optional<T>& value, Convert convert) {
  return value ? Json(convert(*value)) : Json(nullptr);
}

Json lsn_or_null(Lsn lsn) { return lsn.valid() ? Json(lsn.to_string()) : Json(nullptr); }

Json windows_json(const std::vector<catalog::RecoveryWindow>& windows) {
  Json list = Json::array();
  for (const auto& window : windows) {
    list.push_back({{"timeline", window.timeline.value()},
                    {"from", window.from.to_iso()},
                    {"to", window.to.to_iso()},
                    {"from_lsn", window.from_lsn.to_string()},
                    {"to_lsn", window.to_lsn.to_string()},
                    {"to_basis", window.to_basis == catalog::WindowEnd::idle ? "idle" : "commit"},
                    {"first_backup", window.first_backup.to_string()}});
  }
  return list;
}

Json gaps_json(const std::vector<catalog::Gap>& gaps) {
  Json list = Json::array();
  for (const auto& gap : gaps) {
    list.push_back({{"timeline", gap.timeline.value()},
                    {"from_lsn", gap.from.to_string()},
                    {"to_lsn", gap.to.to_string()},
                    {"acknowledged", gap.acknowledged}});
  }
  return list;
}

Json rpo_json(const ClusterReport& report) {
  return {{"state", catalog::to_string(report.rpo.state)},
          {"seconds", or_null(report.rpo.seconds, [](double s) { return s; })},
          {"bytes", report.rpo.bytes},
          {"as_of", report.rpo.as_of.to_iso()},
          {"objective_seconds", report.rpo_objective_seconds},
          {"met", rpo_is_met(report)}};
}

Json rto_json(const ClusterReport& report) {
  const auto& rto = report.rto;
  Json json = {{"estimate_seconds", or_null(rto, [](const RtoEstimate& r) { return r.seconds; })},
               {"objective_seconds", report.rto_objective_seconds},
               {"met", or_null(rto_is_met(report), [](bool met) { return met; })},
               {"basis", !rto ? Json(nullptr) : Json(rto->measured ? "measured" : "defaults")}};
  if (rto) {
    json["phases"] = {{"plan", rto->phases.plan},
                      {"files", rto->phases.files},
                      {"wal", rto->phases.wal},
                      {"replay", rto->phases.replay},
                      {"start", rto->phases.start}};
  }
  if (!report.rto_error.empty()) json["error"] = report.rto_error;
  return json;
}

Json slot_json(const ClusterReport& report) {
  return or_null(report.slot, [](const postgres::SlotState& slot) {
    return Json{{"name", slot.name},
                {"active", slot.active},
                {"restart_lsn", lsn_or_null(slot.restart_lsn)},
                {"wal_status", slot.wal_status},
                {"safe_wal_bytes", or_null(slot.safe_wal_bytes, [](std::uint64_t bytes) { return bytes; })},
                {"retained_bytes", slot.retained_bytes}};
  });
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json repositories_json(const ClusterReport& report) {
  Json list = Json::array();
  for (const auto& one : report.repositories) {
    list.push_back({{"name", one.name},
                    {"place", one.place},
                    {"required", one.required},
                    {"encrypted", one.encrypted},
                    {"archived_lsn", lsn_or_null(one.archived)},
                    {"stored_bytes", one.stored_bytes},
                    {"error", text_or_null(one.error)}});
  }
  return list;
}

Json service_json(const ClusterReport& report) {
  return or_null(report.service, [](const ServiceReport& service) {
    return Json{{"state", service.state},
                {"started", service.started.to_iso()},
                {"received_lsn", lsn_or_null(service.received)},
                {"write_lsn", lsn_or_null(service.write)},
                {"flush_lsn", lsn_or_null(service.flush)},
                {"sync_state", or_null(service.sync_state, [](const std::string& s) { return s; })},
                {"clock_skew_seconds", or_null(service.clock_skew_seconds, [](double s) { return s; })},
                {"last_error", text_or_null(service.last_error)},
                {"spool_error", text_or_null(service.spool_error)},
                {"backup_running", service.backup_running},
                {"backup_error", text_or_null(service.backup_error)}};
  });
}

Json backup_json(const catalog::BackupHeader& backup) {
  return {{"id", backup.id.to_string()},
          {"kind", backup.kind == catalog::BackupKind::full ? "full" : "incremental"},
          {"parent", or_null(backup.parent, [](const BackupId& id) { return id.to_string(); })},
          {"timeline", backup.timeline.value()},
          {"start_lsn", backup.start.to_string()},
          {"stop_lsn", backup.stop.to_string()},
          {"started", backup.started.to_iso()},
          {"finished", backup.finished.to_iso()},
          {"bytes", backup.bytes},
          {"stored_bytes", backup.stored_bytes},
          {"new_bytes", backup.new_bytes},
          {"postgres_version", backup.server_version_number},
          {"bad_pages", backup.bad_page_count}};
}

Json backups_json(const ClusterReport& report) {
  std::map<BackupId, Json> backups;
  for (const auto& repository : report.repositories) {
    if (!repository.inventory) continue;
    for (const auto& header : repository.inventory->backups) {
      auto [place, added] = backups.emplace(header.id, Json());
      if (added) {
        place->second = backup_json(header);
        place->second["repositories"] = Json::array();
        place->second["keep_until"] = nullptr;
        place->second["verified_at"] = nullptr;
      }
      place->second["repositories"].push_back(repository.name);
      const auto kept = repository.inventory->keep_until.find(header.id);
      if (kept != repository.inventory->keep_until.end()) place->second["keep_until"] = kept->second.to_iso();
      const auto verified = repository.inventory->verified_at.find(header.id);
      if (verified != repository.inventory->verified_at.end()) {
        place->second["verified_at"] = verified->second.to_iso();
      }
    }
  }
  Json list = Json::array();
  for (auto& [id, json] : backups) list.push_back(std::move(json));
  return list;
}

}  // namespace

std::string render_status_json(const std::vector<ClusterReport>& reports) {
  Json clusters = Json::array();
  for (const auto& report : reports) {
    clusters.push_back({{"name", report.name},
                        {"timeline", report.timeline.valid() ? Json(report.timeline.value()) : Json(nullptr)},
                        {"primary_lsn", or_null(report.primary_lsn, [](Lsn lsn) { return lsn.to_string(); })},
                        {"primary_error", text_or_null(report.primary_error)},
                        {"archived_lsn", lsn_or_null(report.archived_lsn)},
                        {"rpo", rpo_json(report)},
                        {"rto", rto_json(report)},
                        {"windows", windows_json(report.windows)},
                        {"gaps", gaps_json(report.gaps)},
                        {"repositories", repositories_json(report)},
                        {"slot", slot_json(report)},
                        {"last_backup", or_null(report.last_backup, backup_json)},
                        {"last_drill", nullptr},
                        {"service", service_json(report)}});
  }
  return Json{{"format", 1}, {"clusters", std::move(clusters)}}.dump(2, ' ', false,
                                                                     Json::error_handler_t::replace) +
         "\n";
}

std::string render_list_json(const std::vector<ClusterReport>& reports) {
  Json clusters = Json::array();
  for (const auto& report : reports) {
    clusters.push_back({{"name", report.name},
                        {"backups", backups_json(report)},
                        {"windows", windows_json(report.windows)},
                        {"gaps", gaps_json(report.gaps)}});
  }
  return Json{{"format", 1}, {"clusters", std::move(clusters)}}.dump(2, ' ', false,
                                                                     Json::error_handler_t::replace) +
         "\n";
}

}  // namespace tidemark::monitor
