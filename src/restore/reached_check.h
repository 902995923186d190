#pragma once
// Was reached what was planned? design.md "The check"; postgres-notes 2.3, 1.2. Pure.

#include <optional>
#include <string>
#include <vector>

#include "catalog/restore_plan.h"

namespace tidemark::restore {

// What the restored server says when replay stands still. pg_last_xact_replay_timestamp() is of no use: it
// does not count the commit that an inclusive target stops behind.
struct ReachedFacts {
  Lsn replay_end;  // pg_last_wal_replay_lsn(): end of the last record replayed
  std::optional<std::string>
      kept_status;  // pg_xact_status() of the plan's last kept transaction; unset: not known
  std::optional<std::string> dropped_status;  // of the first dropped one; unset: in the future, or not known
};

// Where replay must stand. Page headers lie between the end of a record and the start of the next, so two
// positions mean the same when only a header (24 or 40 bytes at a page's beginning) is between them.
bool position_matches(const catalog::RestorePlan& plan, Lsn replay_end);
// Empty: exactly what was planned.
std::vector<std::string> differences_from_plan(const catalog::RestorePlan& plan, const ReachedFacts& facts);

}  // namespace tidemark::restore
