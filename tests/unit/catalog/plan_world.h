#pragma once
// A repository with one timeline that a test of the plan fills step by step, and the requests that it makes.

#include <gtest/gtest.h>

#include <string>

#include "catalog/restore_plan.h"
#include "samples.h"
#include "tidemark/error.h"
#include "wal_model.h"

namespace tidemark::catalog {

struct World {
  ModelWal wal{TimelineId(1), Lsn(16U << 20)};
  Inventory inventory;
  MemoryIndex index;

  const ModelRecord commit(std::int64_t time, std::uint64_t xid) {
    return wal.add(ModelKind::commit, at(time), xid);
  }
  BackupHeader backup(int number, std::int64_t started, std::int64_t finished) {
    inventory.backups.push_back(take_backup(wal, number, at(started), at(finished)));
    return inventory.backups.back();
  }
  void archive_all() { archive(inventory, index, wal, wal.begin(), wal.end()); }
  RestorePlan plan(const PlanRequest& request) { return make_restore_plan(inventory, request, index); }
};

inline PlanRequest to_time(std::int64_t time) {
  PlanRequest request;
  request.target.kind = TargetKind::time;
  request.target.time = at(time);
  request.target.requested = at(time).to_iso();
  return request;
}
inline PlanRequest to(std::string_view text) {
  PlanRequest request;
  request.target = *parse_positional_target(text);
  return request;
}
inline PlanRequest to_lsn(Lsn lsn) { return to("lsn:" + lsn.to_string()); }

inline Error refusal(World& world, const PlanRequest& request) {
  try {
    world.plan(request);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::refused) << error.what();
    return error;
  }
  ADD_FAILURE() << "not refused: " << request.target.requested;
  return Error(ErrorKind::internal, "");
}

}  // namespace tidemark::catalog
