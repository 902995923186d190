#include "monitor/service_answer.h"

#include <nlohmann/json.hpp>

namespace tidemark::monitor {

namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Lsn lsn_of(const Json& json, const char* key) { return Lsn::parse(text_of(json, key)).value_or(Lsn()); }

std::optional<catalog::Rpo> rpo_of(const Json& json) {
  catalog::Rpo rpo;
  const std::string state = text_of(json, "state");
  const auto as_of = Instant::parse_iso(text_of(json, "as_of"));
  if (!as_of) return std::nullopt;
  rpo.as_of = *as_of;
  for (const auto known :
       {catalog::RpoState::exact, catalog::RpoState::at_most, catalog::RpoState::unknown}) {
    if (state == catalog::to_string(known)) rpo.state = known;
  }
  if (json.contains("seconds") && json["seconds"].is_number()) rpo.seconds = json["seconds"].get<double>();
  if (json.contains("bytes") && json["bytes"].is_number_unsigned())
    rpo.bytes = json["bytes"].get<std::uint64_t>();
  if (rpo.state != catalog::RpoState::unknown && !rpo.seconds) return std::nullopt;
  return rpo;
}

ServiceReport service_of(const Json& json) {
  ServiceReport service;
  service.state = text_of(json, "state");
  service.received = lsn_of(json, "received_lsn");
  service.write = lsn_of(json, "write_lsn");
  service.flush = lsn_of(json, "flush_lsn");
  if (const std::string sync = text_of(json, "sync_state"); !sync.empty()) service.sync_state = sync;
  if (json.contains("clock_skew_seconds") && json["clock_skew_seconds"].is_number()) {
    service.clock_skew_seconds = json["clock_skew_seconds"].get<double>();
  }
  service.last_error = text_of(json, "last_error");
  service.spool_error = text_of(json, "spool_error");
  service.backup_error = text_of(json, "backup_error");
  service.backup_running = json.value("backup_running", false);
  service.started = Instant::parse_iso(text_of(json, "started")).value_or(Instant());
  return service;
}

}  // namespace

void add_service_answer(ClusterReport& report, std::string_view status_json) {
  const Json document = Json::parse(status_json, nullptr, false);
  if (!document.is_object() || !document.contains("clusters") || !document["clusters"].is_array()) return;
  for (const Json& cluster : document["clusters"]) {
    if (!cluster.is_object() || text_of(cluster, "name") != report.name) continue;
    if (!cluster.contains("service") || !cluster["service"].is_object()) return;
    report.service = service_of(cluster["service"]);
    if (!cluster.contains("rpo") || !cluster["rpo"].is_object()) return;
    // Our own look at the primary is the better one where it found nothing to lose.
    const bool nothing_to_lose = report.rpo.state == catalog::RpoState::exact && report.rpo.seconds == 0.0;
    if (const auto rpo = rpo_of(cluster["rpo"]); rpo && !nothing_to_lose) report.rpo = *rpo;
    return;
  }
}

}  // namespace tidemark::monitor
