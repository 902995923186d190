// A plan as JSON for scripts and as lines for a person at 3 a.m.
#include "catalog/plan_rendering.h"

#include <fmt/format.h>

#include "catalog/restore_plan.h"

namespace tidemark::catalog {
namespace {

std::string_view reason_label(StopReason reason) {
  switch (reason) {
    case StopReason::stopper:
      return "stopper";
    case StopReason::end_of_wal:
      return "end_of_wal";
    case StopReason::backup_end:
      return "backup_end";
    case StopReason::lsn:
      return "lsn";
    case StopReason::immediate:
      return "immediate";
    case StopReason::record:
      return "record";
  }
  return "unknown";
}

std::string_view outcome_label(wal::EndKind kind) {
  switch (kind) {
    case wal::EndKind::commit:
      return "commit";
    case wal::EndKind::abort:
      return "abort";
    case wal::EndKind::commit_prepared:
      return "commit_prepared";
    case wal::EndKind::abort_prepared:
      return "abort_prepared";
  }
  return "unknown";
}

std::string_view outcome_words(wal::EndKind kind) {
  switch (kind) {
    case wal::EndKind::commit:
      return "committed";
    case wal::EndKind::abort:
      return "rolled back";
    case wal::EndKind::commit_prepared:
      return "committed (prepared)";
    case wal::EndKind::abort_prepared:
      return "rolled back (prepared)";
  }
  return "ended";
}

OrderedJson transaction_json(const std::optional<wal::TransactionEnd>& end,
                             const std::optional<std::uint64_t>& full) {
  if (!end) return nullptr;
  return {{"xid", end->xid},
          {"full_xid", full ? OrderedJson(*full) : OrderedJson()},
          {"commit_time", end->time.to_iso()},
          {"lsn", end->start.to_string()},
          {"end_lsn", end->end.to_string()},
          {"outcome", outcome_label(end->kind)}};
}

std::string transaction_text(const wal::TransactionEnd& end, const std::optional<std::uint64_t>& full) {
  return fmt::format("transaction {}, {} {} at {}", full ? *full : end.xid, outcome_words(end.kind),
                     end.time.to_iso(), end.start.to_string());
}

std::string stop_text(const RestorePlan& plan) {
  const std::string at = fmt::format("{} of timeline {}", plan.stop.lsn.to_string(), plan.timeline.value());
  switch (plan.stop.reason) {
    case StopReason::stopper:
      return fmt::format("before the record at {}", at);
    case StopReason::end_of_wal:
      return fmt::format("after the last archived record, at {}", at);
    case StopReason::backup_end:
      return fmt::format("at the end of the backup, {}", at);
    case StopReason::lsn:
      return fmt::format("{} {}",
                         plan.stop.inclusive ? "after the record at" : "before the first record from", at);
    case StopReason::immediate:
      return fmt::format("as soon as the backup is consistent, at {}", at);
    case StopReason::record:
      return fmt::format("after the record at {}", at);
  }
  return at;
}

std::string headline(const RestorePlan& plan, const PredictedSeconds& predicted) {
  const std::string what =
      plan.target.kind == TargetKind::time ? plan.target.time.to_iso() : plan.target.requested;
  return fmt::format("plan: restore to {} from backup {}, about {}{}\n", what, plan.backup.id.to_string(),
                     seconds_text(predicted.total()),
                     predicted.measured ? "" : " (not measured on this host yet)");
}

std::string phases_text(const PredictedSeconds& predicted) {
  std::string text =
      fmt::format("predicted:     plan {}, files {}, WAL {}, replay {}, start {}\n",
                  seconds_text(predicted.plan), seconds_text(predicted.files), seconds_text(predicted.wal),
                  seconds_text(predicted.replay), seconds_text(predicted.start));
  if (!predicted.measured) {
    text += "               not measured on this host yet: these are assumed rates; a drill measures them\n";
  }
  return text;
}

}  // namespace

std::string seconds_text(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole < 7200) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string dump(const OrderedJson& json) {
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

OrderedJson predicted_json(const PredictedSeconds& predicted) {
  return {{"plan", predicted.plan},        {"files", predicted.files}, {"wal", predicted.wal},
          {"replay", predicted.replay},    {"start", predicted.start}, {"total", predicted.total()},
          {"measured", predicted.measured}};
}

OrderedJson plan_json(const RestorePlan& plan, const PredictedSeconds& predicted) {
  OrderedJson json;
  json["target"] = {
      {"requested", plan.target.requested},
      {"resolved", plan.resolved_time ? OrderedJson(plan.resolved_time->to_iso()) : OrderedJson()},
      {"lsn", plan.stop.lsn.to_string()},
      {"inclusive", plan.stop.inclusive},
      {"reason", reason_label(plan.stop.reason)}};
  json["backup"] = plan.backup.id.to_string();
  json["timeline"] = plan.timeline.value();
  json["last_kept"] = transaction_json(plan.last_kept, plan.last_kept_full_xid);
  json["first_dropped"] = transaction_json(plan.first_dropped, plan.first_dropped_full_xid);
  json["skipped_older"] = plan.skipped_older;
  json["bytes"] = {{"files", plan.file_bytes}, {"wal", plan.wal_bytes}};
  json["predicted_seconds"] = predicted_json(predicted);
  json["wal"] = {{"from", plan.wal_from.to_string()}, {"to", plan.wal_to.to_string()}};
  json["transactions"] = plan.transactions;
  json["proven_until"] = plan.proven_until ? OrderedJson(plan.proven_until->to_iso()) : OrderedJson();
  json["idle_extended"] = plan.idle_extended;
  json["pause_is_safe"] = plan.pause_is_safe;
  json["notes"] = plan.notes;
  return json;
}

std::string plan_lines(const RestorePlan& plan) {
  std::string text;
  if (plan.target.kind == TargetKind::time && plan.target.requested != plan.target.time.to_iso()) {
    text += fmt::format("asked for:     {} = {}\n", plan.target.requested, plan.target.time.to_iso());
  }
  text += fmt::format("stops:         {}\n", stop_text(plan));
  text += fmt::format("last kept:     {}\n", plan.last_kept
                                                 ? transaction_text(*plan.last_kept, plan.last_kept_full_xid)
                                                 : "no commit in the archived WAL before it");
  text += fmt::format("first dropped: {}\n",
                      plan.first_dropped ? transaction_text(*plan.first_dropped, plan.first_dropped_full_xid)
                                         : "none: no transaction ended later in the archive");
  if (plan.skipped_older > 0) {
    text += fmt::format("also dropped:  {} commits stamped at or before that moment lie behind the stop\n",
                        plan.skipped_older);
  }
  if (plan.idle_extended && plan.proven_until) {
    text +=
        fmt::format("idle:          nothing acknowledged until {} is missing\n", plan.proven_until->to_iso());
  }
  text += fmt::format("backup:        {} ({}), finished {}\n", plan.backup.id.to_string(),
                      plan.backup.kind == BackupKind::full ? "full" : "incremental",
                      plan.backup.finished.to_iso());
  text += fmt::format("reads:         {} of files, {} of WAL ({} to {}), {} transaction ends\n",
                      bytes_text(plan.file_bytes), bytes_text(plan.wal_bytes), plan.wal_from.to_string(),
                      plan.wal_to.to_string(), plan.transactions);
  for (const std::string& note : plan.notes) text += fmt::format("note:          {}\n", note);
  return text;
}

std::string render_plan_json(const RestorePlan& plan, const PredictedSeconds& predicted) {
  OrderedJson json = {{"format", 1}};
  json.update(plan_json(plan, predicted));
  return dump(json);
}

std::string render_plan_text(const RestorePlan& plan, const PredictedSeconds& predicted) {
  return headline(plan, predicted) + plan_lines(plan) + phases_text(predicted);
}

}  // namespace tidemark::catalog
