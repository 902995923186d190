#pragma once
// The plan of a restore and what it will take, from the first repository that can serve it.

#include <memory>
#include <string>
#include <vector>

#include "catalog/manifest.h"
#include "restore/restore_job.h"

namespace tidemark::restore {

struct ChosenSource {
  RestoreSource source;
  std::shared_ptr<repository::WalArchive> archive;
  PlannedRestore planned;
};
// All archives come back in `archives`, the chosen one first: WAL is taken from any of them. The refusal of
// the first repository is what is thrown when none serves.
ChosenSource plan_restore(const std::vector<RestoreSource>& sources, const catalog::PlanRequest& request,
                          const std::string& host, Clock& clock,
                          std::vector<std::shared_ptr<repository::WalArchive>>& archives);
std::string host_name();

// `expire` leaves the backup alone for the time that reading it should take, thrice. The pin runs out by
// itself: taking it away would take a person's own pin with it. A repository that may only be read costs a
// warning.
void pin_backup(const repository::WalArchive& archive, const PlannedRestore& planned, Clock& clock);

}  // namespace tidemark::restore
