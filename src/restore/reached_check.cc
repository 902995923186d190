#include "restore/reached_check.h"

#include <fmt/format.h>

namespace tidemark::restore {

namespace {

using catalog::StopReason;

constexpr std::uint64_t kPageBytes = 8192;
constexpr std::uint64_t kShortHeaderBytes = 24, kLongHeaderBytes = 40;

// Do `one` and `other` name the same place between two records?
bool same_place(Lsn one, Lsn other) {
  const Lsn low = std::min(one, other), high = std::max(one, other);
  const std::uint64_t between = high - low;
  return between == 0 ||
         (low.value() % kPageBytes == 0 && (between == kShortHeaderBytes || between == kLongHeaderBytes));
}

// Only the record that switches segments has a header and nothing else; replay of it goes to the segment's
// end, which need not be archived.
bool behind_switch(const catalog::RestorePlan& plan, Lsn replay_end) {
  constexpr std::uint64_t kHeaderBytes = 24, kSmallestSegment = 1 << 20, kLargestSegment = 1 << 30;
  const bool switches = plan.stop.inclusive && plan.wal_to - plan.stop.lsn == kHeaderBytes;
  return switches && replay_end > plan.wal_to && replay_end - plan.wal_to < kLargestSegment &&
         replay_end.value() % kSmallestSegment == 0;
}

std::string describe_stop(const catalog::RestorePlan& plan) {
  if (plan.stop.reason == StopReason::immediate)
    return fmt::format("at {} or behind", plan.backup.stop.to_string());
  if (plan.stop.inclusive)
    return fmt::format("at {}, behind the record at {}", plan.wal_to.to_string(), plan.stop.lsn.to_string());
  return fmt::format("at {}", plan.stop.lsn.to_string());
}

}  // namespace

bool position_matches(const catalog::RestorePlan& plan, Lsn replay_end) {
  switch (plan.stop.reason) {
    case StopReason::immediate:
      return replay_end >= plan.backup.stop || same_place(replay_end, plan.backup.stop);
    case StopReason::lsn:
      // X may lie inside a record; that one starts before X and is replayed to its end.
      if (!plan.stop.inclusive && replay_end > plan.stop.lsn) return replay_end <= plan.wal_to;
      break;
    default:
      break;
  }
  return same_place(replay_end, plan.stop.inclusive ? plan.wal_to : plan.stop.lsn) ||
         behind_switch(plan, replay_end);
}

std::vector<std::string> differences_from_plan(const catalog::RestorePlan& plan, const ReachedFacts& facts) {
  std::vector<std::string> differences;
  if (!position_matches(plan, facts.replay_end)) {
    differences.push_back(fmt::format("replay stands at {}, planned was {}", facts.replay_end.to_string(),
                                      describe_stop(plan)));
  }
  // Where recovery stops at the moment of consistency, transactions are not part of the plan.
  if (plan.stop.reason == StopReason::immediate) return differences;
  if (plan.last_kept && facts.kept_status && *facts.kept_status != "committed") {
    differences.push_back(fmt::format("transaction {} (committed {}) should be there and is {}",
                                      plan.last_kept->xid, plan.last_kept->time.to_iso(),
                                      *facts.kept_status));
  }
  // An aborted transaction leaves nothing to tell apart; "in progress" is right for a prepared one.
  if (plan.first_dropped && facts.dropped_status && *facts.dropped_status == "committed") {
    differences.push_back(fmt::format("transaction {} ({}) should be left out and is committed",
                                      plan.first_dropped->xid, plan.first_dropped->time.to_iso()));
  }
  return differences;
}

}  // namespace tidemark::restore
