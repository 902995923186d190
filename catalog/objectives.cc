#include "catalog/objectives.h"

#include <algorithm>

namespace tidemark::catalog {
namespace {

double seconds_since(Instant now, Instant then) { return std::max(0.0, to_seconds(now - then)); }

Rpo exact(Rpo rpo, double seconds) {
  rpo.state = RpoState::exact;
  rpo.seconds = seconds;
  return rpo;
}

// Nobody can tell what lies beyond what was received: at worst a commit right behind the last proof.
Rpo at_most(Rpo rpo, const RpoFacts& facts) {
  if (!facts.last_proof) return rpo;
  rpo.state = RpoState::at_most;
  rpo.seconds = seconds_since(facts.now, *facts.last_proof);
  return rpo;
}

}  // namespace

std::string_view to_string(RpoState state) {
  switch (state) {
    case RpoState::exact:
      return "exact";
    case RpoState::at_most:
      return "at_most";
    case RpoState::unknown:
      return "unknown";
  }
  return "unknown";
}

Rpo rpo_now(const RpoFacts& facts) {
  Rpo rpo;
  rpo.as_of = facts.now;
  if (!facts.primary_answers) return at_most(rpo, facts);
  if (facts.durable >= facts.primary_insert) return exact(rpo, 0);
  rpo.bytes = facts.primary_insert - facts.durable;
  // Commits are received in WAL order, so one that is known is the oldest.
  if (facts.oldest_undurable_commit)
    return exact(rpo, seconds_since(facts.now, *facts.oldest_undurable_commit));
  if (facts.received >= facts.primary_insert) return exact(rpo, 0);
  return at_most(rpo, facts);
}

bool rpo_met(const Rpo& rpo, double objective_seconds) {
  return rpo.state != RpoState::unknown && rpo.seconds && *rpo.seconds <= objective_seconds;
}

}  // namespace tidemark::catalog
