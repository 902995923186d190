#pragma once
// RPO and RTO by the definitions of design.md "RPO and RTO, defined". Pure arithmetic on facts that others
// gathered.

#include <cstdint>
#include <optional>
#include <string_view>

#include "tidemark/instant.h"
#include "tidemark/lsn.h"

namespace tidemark::catalog {

enum class RpoState : std::uint8_t { exact, at_most, unknown };
std::string_view to_string(RpoState state);

struct RpoFacts {
  Instant now;  // in the primary's clock
  bool primary_answers = false;
  Lsn primary_insert;                              // when it answers
  Lsn durable;                                     // worst required repository, contiguous
  Lsn received;                                    // by the archiver; equal to durable when nobody streams
  std::optional<Instant> oldest_undurable_commit;  // among what was received
  std::optional<Instant> last_proof;               // newest t of an idle proof (t, p) with p <= durable
};
struct Rpo {
  RpoState state = RpoState::unknown;
  std::optional<double> seconds;  // unset when unknown
  std::uint64_t bytes = 0;        // primary_insert - durable, 0 when not known
  Instant as_of;
};
Rpo rpo_now(const RpoFacts& facts);
bool rpo_met(const Rpo& rpo, double objective_seconds);  // unknown counts as missed

}  // namespace tidemark::catalog
