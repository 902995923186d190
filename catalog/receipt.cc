#include "catalog/receipt.h"

#include <fmt/format.h>

#include "catalog/plan_rendering.h"

namespace tidemark::catalog {
namespace {

OrderedJson seconds_json(const PhaseSeconds& seconds) {
  return {{"plan", seconds.plan},     {"files", seconds.files}, {"wal", seconds.wal},
          {"replay", seconds.replay}, {"start", seconds.start}, {"total", seconds.total}};
}

std::string headline(const Receipt& receipt) {
  const std::string reached =
      fmt::format("timeline {} at {}", receipt.reached_timeline.value(), receipt.reached_lsn.to_string());
  if (receipt.exact) {
    return fmt::format("restored exactly as planned: {} in {}\n", reached,
                       seconds_text(receipt.actual.total));
  }
  return fmt::format("RESTORED, BUT NOT WHAT WAS PLANNED: {} in {}\n", reached,
                     seconds_text(receipt.actual.total));
}

std::string loss_text(const Receipt& receipt) {
  if (!receipt.rpo_known) return "not known: no proof tells what was lost";
  if (receipt.rpo_achieved_seconds <= 0) return "nothing: every commit up to that moment is there";
  return fmt::format("up to {:.6f} s before the moment asked", receipt.rpo_achieved_seconds);
}

std::string phase_lines(const Receipt& receipt) {
  const PhaseSeconds& took = receipt.actual;
  const PredictedSeconds& predicted = receipt.predicted;
  std::string text = fmt::format("took:          plan {}, files {}, WAL {}, replay {}, start {}\n",
                                 seconds_text(took.plan), seconds_text(took.files), seconds_text(took.wal),
                                 seconds_text(took.replay), seconds_text(took.start));
  text += fmt::format("predicted:     {}{}\n", seconds_text(predicted.total()),
                      predicted.measured ? "" : " (not measured on this host before)");
  return text;
}

}  // namespace

std::string render_receipt_json(const Receipt& receipt) {
  OrderedJson json = {{"format", 1}, {"kind", kMarkReceipt}};
  json["plan"] = plan_json(receipt.plan, receipt.predicted);
  json["reached"] = {{"lsn", receipt.reached_lsn.to_string()},
                     {"timeline", receipt.reached_timeline.value()}};
  json["exact"] = receipt.exact;
  json["differences"] = receipt.differences;
  json["seconds"] = seconds_json(receipt.actual);
  json["rpo_achieved_seconds"] =
      receipt.rpo_known ? OrderedJson(receipt.rpo_achieved_seconds) : OrderedJson();
  json["prepared_transactions"] = receipt.prepared_transactions;
  json["prediction_error_seconds"] = receipt.actual.total - receipt.predicted.total();
  json["action"] = receipt.action;
  json["host"] = receipt.host;
  json["target_directory"] = receipt.target_directory;
  json["bytes"] = {
      {"files", receipt.file_bytes}, {"wal", receipt.wal_bytes}, {"stored", receipt.stored_bytes}};
  json["files"] = receipt.files;
  json["finished"] = receipt.finished.to_iso();
  return dump(json);
}

std::string render_receipt_text(const Receipt& receipt) {
  std::string text = headline(receipt);
  for (const std::string& difference : receipt.differences)
    text += fmt::format("differs:       {}\n", difference);
  text += fmt::format("lost:          {}\n", loss_text(receipt));
  text += plan_lines(receipt.plan);
  text += phase_lines(receipt);
  text += fmt::format("directory:     {} ({}, finished {})\n", receipt.target_directory,
                      receipt.action.empty() ? "not started" : receipt.action, receipt.finished.to_iso());
  for (const std::string& gid : receipt.prepared_transactions) {
    text +=
        fmt::format("prepared:      '{}' is pending; COMMIT PREPARED or ROLLBACK PREPARED decides\n", gid);
  }
  return text;
}

RpoAchieved rpo_achieved(const RestorePlan& plan, Instant asked) {
  RpoAchieved rpo;
  // Other targets name a prefix of the WAL: what they leave out was not asked for.
  if (plan.target.kind != TargetKind::time && plan.target.kind != TargetKind::latest) return rpo;
  rpo.known_lost_commits = plan.skipped_older;
  std::optional<Instant> whole_until = plan.proven_until;
  if (plan.stop.reason == StopReason::stopper)
    whole_until = asked;  // WAL goes on behind the stop, stamped later
  if (plan.oldest_skipped) whole_until = plan.oldest_skipped;
  rpo.known = whole_until.has_value();
  if (whole_until && *whole_until < asked) rpo.seconds = to_seconds(asked - *whole_until);
  return rpo;
}

}  // namespace tidemark::catalog
