#pragma once
// Which repositories need a backup now, and when a failed one is tried again. Pure.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "archive/shipping_rule.h"
#include "archive/status.h"
#include "catalog/retention.h"

namespace tidemark::service {

// One repository, as far as backups are concerned.
struct BackupPlace {
  bool required = true;
  bool takes_wal = true;  // its lane works, so a backup would become whole
  catalog::BackupDue due;
  bool holds_none = false;  // no backup at all
};

struct BackupDecision {
  std::vector<std::size_t> targets;  // indexes of places; empty: no backup now
  std::string reason;
  bool first = false;  // nothing can be restored yet: the window does not count
};

// All working repositories get a backup when a required one needs it, so that one pass over the data serves
// all; after a failure only the required ones, as an optional one may be what failed. An optional one alone
// is served when only it is due.
BackupDecision decide_backup(const std::vector<BackupPlace>& places, bool after_failure);

// A required repository that does not take WAL now makes a backup pointless.
bool required_places_work(const archive::ArchiveStatus& status);

// 1 minute after the first failure, doubled up to 1 hour. Reasons other than "none yet" must be seen twice in
// a row: an inventory is no atomic snapshot, and the WAL may have grown while it was listed.
class BackupPacing {
 public:
  explicit BackupPacing(Microseconds first = std::chrono::minutes(1),
                        Microseconds longest = std::chrono::hours(1))
      : back_off_(first, longest) {}

  // True when a backup for this decision may start now.
  bool may_start(const BackupDecision& decision, archive::SteadyTime now);
  Microseconds failed(archive::SteadyTime now);  // how long until the next try
  void succeeded();
  bool after_failure() const { return not_before_.has_value(); }

 private:
  archive::BackOff back_off_;
  std::optional<archive::SteadyTime> not_before_;
  std::string seen_reason_;
};

}  // namespace tidemark::service
