#pragma once
// What a restore did. Stored as a mark, printed as JSON and as text.

#include <optional>
#include <string>
#include <vector>

#include "catalog/mark.h"
#include "catalog/restore_plan.h"
#include "tidemark/bytes.h"

namespace tidemark::catalog {

struct PhaseSeconds {
  double plan = 0, files = 0, wal = 0, replay = 0, start = 0;
  double total = 0;  // from the command to a server that accepts writes (or reads, if left paused)
};

struct Receipt {
  RestorePlan plan;
  PredictedSeconds predicted;
  PhaseSeconds actual;
  Lsn reached_lsn;              // replay position when it stopped
  TimelineId reached_timeline;  // the new one after promotion
  bool exact = false;
  std::vector<std::string> differences;  // why not
  double rpo_achieved_seconds = 0;
  bool rpo_known = true;                           // false: no proof tells what was lost
  std::vector<std::string> prepared_transactions;  // gids left pending
  std::string target_directory, host;
  std::string action;  // pause, promote, shutdown
  std::uint64_t wal_bytes = 0, file_bytes = 0, stored_bytes = 0, files = 0;
  Instant finished;
};
std::string render_receipt_json(const Receipt& receipt);  // design.md "restore --start"
std::string render_receipt_text(const Receipt& receipt);

// Rates that the next prediction uses, read back from stored receipts.
struct MeasuredRates {
  std::string host;
  double files_bytes_per_second = 0;  // plain bytes
  double wal_bytes_per_second = 0;    // replay incl. fetching
  double start_seconds = 0, plan_seconds = 0;
  bool measured = false;  // false: defaults, and every figure says so
};
MeasuredRates rates_of_receipt_json(ByteView json);
MeasuredRates combine(const std::vector<MeasuredRates>& newest_first);
PredictedSeconds predict(const RestorePlan& plan, const MeasuredRates& rates);

// RPO achieved by stopping where the plan stops: 0 when no commit at or before the moment asked was left
// behind.
struct RpoAchieved {
  double seconds = 0;
  std::uint64_t known_lost_commits = 0;
  bool known = true;
};
RpoAchieved rpo_achieved(const RestorePlan& plan, Instant asked);

}  // namespace tidemark::catalog
