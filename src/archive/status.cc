#include "archive/status.h"

#include <algorithm>

namespace tidemark::archive {

std::string_view to_string(ArchiveState state) {
  switch (state) {
    case ArchiveState::idle:
      return "idle";
    case ArchiveState::connecting:
      return "connecting";
    case ArchiveState::streaming:
      return "streaming";
    case ArchiveState::waiting_for_repository:
      return "waiting_for_repository";
    case ArchiveState::server_unavailable:
      return "server_unavailable";
    case ArchiveState::slot_lost:
      return "slot_lost";
    case ArchiveState::wal_removed:
      return "wal_removed";
    case ArchiveState::divergent:
      return "divergent";
  }
  return "unknown";
}

std::string_view to_string(LaneState state) {
  switch (state) {
    case LaneState::shipping:
      return "shipping";
    case LaneState::failing:
      return "failing";
    case LaneState::catching_up:
      return "catching_up";
    case LaneState::divergent:
      return "divergent";
  }
  return "unknown";
}

catalog::RpoFacts ArchiveStatus::rpo_facts(Instant now) const {
  catalog::RpoFacts facts;
  facts.now = now + clock_skew.value_or(Microseconds(0));
  facts.primary_answers = server_answers && moment && !moment->in_recovery;
  if (moment) facts.primary_insert = moment->insert_lsn;
  const LaneStatus* worst = nullptr;
  for (const LaneStatus& lane : lanes) {
    if (lane.required && (worst == nullptr || lane.durable < worst->durable)) worst = &lane;
  }
  facts.durable = worst != nullptr ? worst->durable : flush;
  facts.received = std::max(received, facts.durable);
  if (worst != nullptr) facts.oldest_undurable_commit = worst->oldest_undurable_commit;
  if (last_proof) facts.last_proof = last_proof->time;
  return facts;
}

}  // namespace tidemark::archive
