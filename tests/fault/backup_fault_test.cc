// A backup cut off, or met by a full disk, at every durable step of the repository's store.
#include <gtest/gtest.h>

#include <cerrno>

#include "disk/fault_ops.h"
#include "e2e/backup_support.h"

namespace tidemark::test {
namespace {

// One cluster for all rounds, a fresh repository for each.
class BackupFault : public ::testing::Test {
 protected:
  path root() const { return scratch.path() / "repository"; }
  void fresh_repository() {
    std::filesystem::remove_all(root());
    make_repository(root());
  }
  backup::BackupResult back_up(disk::DurableOps& ops) {
    const auto repository = make_repository(root(), false, ops);
    auto options = backup_options(cluster, {});  // WAL is not what is tested here
    return take_backup(options, {repository});
  }
  // Every backup that shows a manifest is whole: returns how many there are.
  std::size_t check_visible_backups() {
    const auto repository = make_repository(root());
    const repository::BackupStore store(repository, archive_of(cluster, repository).incarnation());
    std::size_t visible = 0;
    for (const BackupId& id : store.list()) {
      const auto manifest = store.find_manifest(id);
      if (!manifest) continue;
      ++visible;
      EXPECT_FALSE(manifest->backup_label.empty());
      EXPECT_TRUE(store.find_names(id)) << "names are stored before the manifest";
      const StoredBackup backup{repository, store, *manifest};
      auto reader = backup.reader();
      std::uint64_t bytes = 0;
      for (const catalog::FileEntry& entry : entries_of(backup)) {
        if (entry.kind == catalog::EntryKind::file) bytes += content_of(reader, entry).size();
      }
      EXPECT_EQ(bytes, manifest->header.bytes);
    }
    return visible;
  }
  std::size_t count_steps() {
    fresh_repository();
    disk::FaultOps ops(root());
    back_up(ops);
    EXPECT_EQ(check_visible_backups(), 1U);
    return ops.steps();
  }

  ScratchFolder scratch;
  PostgresCluster cluster;
};

TEST_F(BackupFault, PowerCutAtAnyStepLeavesAWholeBackupOrNone) {
  const std::size_t steps = count_steps();
  ASSERT_GT(steps, 20U);
  std::size_t visible_after_cut = 0;
  for (std::size_t step = 1; step <= steps; ++step) {
    SCOPED_TRACE("cut at step " + std::to_string(step) + " of " + std::to_string(steps));
    fresh_repository();
    disk::FaultOps ops(root());
    ops.cut_at(step);
    bool finished = false;
    try {
      back_up(ops);
      finished = true;
    } catch (const disk::PowerCut&) {
    }
    ops.lose_unsynced(step % 2 == 0 ? disk::Loss::everything_unsynced : disk::Loss::bytes_only);
    const std::size_t visible = check_visible_backups();
    if (finished) {
      EXPECT_EQ(visible, 1U) << "what was reported exists";
    }
    visible_after_cut += visible;
    if (step % 7 != 0) continue;
    back_up(ops);
    EXPECT_EQ(check_visible_backups(), visible + 1) << "the next backup is not hindered by what was left";
  }
  EXPECT_LE(visible_after_cut, 4U) << "only cuts behind the manifest's link may show it";
}

TEST_F(BackupFault, FullDiskIsReportedAndLeavesNothingVisible) {
  const std::size_t steps = count_steps();
  for (std::size_t step = 1; step <= steps; step += 5) {
    SCOPED_TRACE("full from step " + std::to_string(step));
    fresh_repository();
    disk::FaultOps ops(root());
    ops.fail_from(step, ENOSPC);
    try {
      back_up(ops);
      ADD_FAILURE() << "a full disk went unnoticed";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::io) << error.what();
      EXPECT_FALSE(error.hint().empty());
    }
    EXPECT_LE(check_visible_backups(), step + 5 > steps ? 1U : 0U);
  }
}

}  // namespace
}  // namespace tidemark::test
