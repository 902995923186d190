// A restore that is cut off at any step that changes the disk: what it leaves cannot be started, is known as
// ours, and the same command makes it whole.

#include <gtest/gtest.h>

#include "disk/fault_ops.h"
#include "disk/file_reader.h"
#include "harness/temporary_folder.h"
#include "restore/prepare_target.h"
#include "tidemark/error.h"
#include "tidemark/progress.h"
#include "unit/restore/tiny_backup.h"

namespace tidemark::restore {
namespace {

using disk::FaultOps;

class RestoreFault : public testing::Test {
 protected:
  RestoreFault() {
    disk::real_ops().make_folder(root_, 0700);
    options_.target_directory = root_ / "restored";
    options_.tablespace_map = {{"/nowhere/space", root_ / "space"}};
    options_.program = "/usr/bin/tidemark";
    options_.jobs = 1;  // one order of steps
  }

  void prepare(disk::DurableOps& ops) {
    const auto chosen = backup_.chosen();
    prepare_target(options_, chosen, check_before(options_, chosen), {"memory"}, ops, no_progress(), {});
  }

  bool whole() const {
    for (const auto& [path, content] : backup_.files) {
      if (path.starts_with("postgresql.")) continue;
      const bool moved = path.starts_with("pg_tblspc/16400/");
      const disk::Path file = moved ? root_ / "space" / path.substr(16) : root_ / "restored" / path;
      if (disk::read_whole_file_if_present(file) != content) return false;
    }
    return disk::path_exists(root_ / "restored/backup_label") &&
           disk::path_exists(root_ / "restored/recovery.signal") &&
           disk::path_exists(root_ / "restored/postgresql.auto.conf");
  }

  // The promise: startable means whole; anything else is known as ours, or nothing is there.
  void expect_promise(const std::string& when) {
    const disk::Path target = root_ / "restored";
    if (disk::path_exists(target / kControlFile)) {
      EXPECT_TRUE(whole()) << when;
    } else {
      EXPECT_NE(look_at_target(target), TargetState::occupied) << when;
    }
  }

  void begin_anew() {
    disk::remove_tree(disk::real_ops(), root_ / "restored");
    disk::remove_tree(disk::real_ops(), root_ / "space");
  }

  std::size_t count_steps() {
    FaultOps ops(root_);
    prepare(ops);
    EXPECT_TRUE(whole());
    begin_anew();
    return ops.steps();
  }

  template <typename AfterCut>
  void cut_everywhere(AfterCut after_cut, std::size_t stride) {
    const std::size_t steps = count_steps();
    ASSERT_GT(steps, 50U);
    for (std::size_t step = 1; step <= steps; step += stride) {
      FaultOps ops(root_);
      ops.cut_at(step);
      EXPECT_THROW(prepare(ops), disk::PowerCut);
      const std::string when = "step " + std::to_string(step) + ": " + ops.history().back();
      after_cut(ops);
      expect_promise(when);
      if (!disk::path_exists(root_ / "restored" / kControlFile)) {
        ASSERT_NO_THROW(prepare(ops)) << when;
        EXPECT_TRUE(disk::path_exists(root_ / "restored" / kControlFile)) << when;
        EXPECT_TRUE(whole()) << when;
      }
      begin_anew();
    }
  }

  harness::TemporaryFolder folder_;
  disk::Path root_ = folder_ / "disk";
  test::TinyBackup backup_{0, false};
  RestoreOptions options_;
};

TEST_F(RestoreFault, DyingAtAnyStepLeavesNothingStartable) {
  cut_everywhere([](FaultOps& ops) { ops.restart(); }, 2);
}

TEST_F(RestoreFault, LosingPowerAtAnyStepLeavesNothingHalf) {
  cut_everywhere([](FaultOps& ops) { ops.lose_unsynced(); }, 3);
}

TEST_F(RestoreFault, LosingOnlyBytesAtAnyStepLeavesNothingHalf) {
  cut_everywhere([](FaultOps& ops) { ops.lose_unsynced(disk::Loss::bytes_only); }, 3);
}

TEST_F(RestoreFault, FinishedMeansDurable) {
  FaultOps ops(root_);
  prepare(ops);
  ops.lose_unsynced();
  EXPECT_TRUE(disk::path_exists(root_ / "restored" / kControlFile));
  EXPECT_TRUE(whole());
}

TEST_F(RestoreFault, CleaningCanBeCutOffToo) {
  const std::size_t interrupted_at = count_steps() - 3;  // late: there is much to clean
  for (std::size_t step = 1; step < 40; ++step) {
    FaultOps ops(root_);
    ops.cut_at(interrupted_at);
    EXPECT_THROW(prepare(ops), disk::PowerCut);
    ops.restart();
    ops.cut_at(step);
    EXPECT_THROW(prepare(ops), disk::PowerCut);
    ops.restart();
    expect_promise("cleaning, step " + std::to_string(step));
    ASSERT_NO_THROW(prepare(ops)) << step;
    EXPECT_TRUE(whole()) << step;
    begin_anew();
  }
}

TEST_F(RestoreFault, AFullDiskIsAnErrorAndNotStartable) {
  const std::size_t steps = count_steps();
  for (std::size_t step = 1; step <= steps; step += 7) {
    FaultOps ops(root_);
    ops.fail_from(step, ENOSPC);
    EXPECT_THROW(prepare(ops), Error) << step;
    ops.restart();
    expect_promise("full at step " + std::to_string(step));
    if (!disk::path_exists(root_ / "restored" / kControlFile)) {
      ASSERT_NO_THROW(prepare(ops)) << step;
    }
    EXPECT_TRUE(whole()) << step;
    begin_anew();
  }
}

}  // namespace
}  // namespace tidemark::restore
