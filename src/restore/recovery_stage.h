#pragma once
// The part of a restore in which a server runs: WAL is fed to it, it stops, it is asked whether it stands
// where the plan says, and it is promoted, left paused or shut down.

#include <memory>
#include <string>
#include <vector>

#include "restore/planning.h"
#include "restore/prepare_target.h"

namespace tidemark::restore {

struct RecoveryResult {
  Lsn reached;
  TimelineId timeline;
  std::vector<std::string> differences;
  std::vector<std::string> prepared_transactions;
  double wal_seconds = 0, replay_seconds = 0, start_seconds = 0;
  bool running = false;
  std::string connection_string;
  std::vector<std::string> notes;
};

struct RecoveryRequest {
  const RestoreOptions& options;
  const catalog::RestorePlan& plan;
  const Preparation& preparation;
  const PreparedTarget& prepared;
  const std::vector<std::shared_ptr<repository::WalArchive>>& archives;
};
RecoveryResult recover(const RecoveryRequest& request, disk::DurableOps& ops, Clock& clock,
                       Progress& progress, const StopToken& stop);

}  // namespace tidemark::restore
