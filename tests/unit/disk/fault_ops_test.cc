// The twin itself: does it forget exactly what was not guaranteed?
#include "disk/fault_ops.h"

#include <gtest/gtest.h>

#include <fstream>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "harness/temporary_folder.h"
#include "tidemark/error.h"

namespace tidemark::disk {

namespace {

class FaultOpsTest : public testing::Test {
 protected:
  FaultOpsTest() : root_(folder_ / "root"), ops_(root_) { real_ops().make_folder(root_, kPrivateFolder); }

  void put_behind_its_back(const std::string& name, std::string_view text) {
    std::ofstream(root_ / name) << text;
  }
  std::string text(const std::string& name) const {
    const auto content = read_whole_file_if_present(root_ / name);
    return content ? std::string(as_text(*content)) : "(absent)";
  }
  std::unique_ptr<OutputFile> create(const std::string& name) {
    return ops_.create_file(root_ / name, kPrivateFile);
  }

  harness::TemporaryFolder folder_;
  Path root_;
  FaultOps ops_;
};

TEST_F(FaultOpsTest, ForgetsAFileWhoseFolderWasNotSynced) {
  const auto file = create("f");
  file->append(as_bytes("content"));
  file->sync();
  EXPECT_EQ(text("f"), "content");
  ops_.lose_unsynced();
  EXPECT_EQ(text("f"), "(absent)");
}

TEST_F(FaultOpsTest, ForgetsBytesWrittenSinceTheLastSync) {
  const auto file = create("f");
  ops_.sync_folder(root_);
  file->append(as_bytes("synced"));
  file->sync_data();
  file->append(as_bytes(" lost"));
  file->write_at(0, as_bytes("S"));
  EXPECT_EQ(text("f"), "Synced lost");
  ops_.lose_unsynced();
  EXPECT_EQ(text("f"), "synced");
}

TEST_F(FaultOpsTest, KeepsAnEmptyFileWhenOnlyItsNameWasSynced) {
  create("f")->append(as_bytes("content"));
  ops_.sync_folder(root_);
  ops_.lose_unsynced();
  EXPECT_EQ(text("f"), "");
}

TEST_F(FaultOpsTest, CanKeepNamesAndLoseBytes) {
  create("f")->append(as_bytes("content"));
  ops_.rename_over(root_ / "f", root_ / "g");
  ops_.lose_unsynced(Loss::bytes_only);
  EXPECT_EQ(text("f"), "(absent)");
  EXPECT_EQ(text("g"), "");
}

TEST_F(FaultOpsTest, BringsBackWhatWasRemovedOrReplaced) {
  put_behind_its_back("removed", "r");
  put_behind_its_back("replaced", "old");
  put_behind_its_back("moved", "m");
  put_behind_its_back("overwritten", "before");
  put_behind_its_back("cut", "long content");
  ops_.unlink(root_ / "removed");
  const auto file = create("new");
  file->append(as_bytes("new"));
  file->sync();
  ops_.rename_over(root_ / "new", root_ / "replaced");
  ops_.rename_over(root_ / "moved", root_ / "there");
  ops_.open_file(root_ / "overwritten")->write_at(2, as_bytes("XXXXXXXXX"));
  ops_.open_file(root_ / "cut")->truncate(4);
  EXPECT_EQ(text("replaced"), "new");
  EXPECT_EQ(text("cut"), "long");
  ops_.lose_unsynced();
  EXPECT_EQ(text("removed"), "r");
  EXPECT_EQ(text("replaced"), "old");
  EXPECT_EQ(text("moved"), "m");
  EXPECT_EQ(text("there"), "(absent)");
  EXPECT_EQ(text("new"), "(absent)");
  EXPECT_EQ(text("overwritten"), "before");
  EXPECT_EQ(text("cut"), "long content");
}

TEST_F(FaultOpsTest, KeepsWhatWasSynced) {
  put_behind_its_back("removed", "r");
  put_behind_its_back("cut", "long content");
  ops_.unlink(root_ / "removed");
  ops_.make_folder(root_ / "d", kPrivateFolder);
  const auto file = create("d/f");
  file->append(as_bytes("content"));
  file->sync();
  ops_.sync_folder(root_ / "d");
  ops_.link_new(root_ / "d/f", root_ / "hard");
  ops_.make_symlink("d/f", root_ / "soft");
  const auto cut = ops_.open_file(root_ / "cut");
  cut->truncate(4);
  cut->sync();
  ops_.sync_folder(root_);
  ops_.lose_unsynced();
  EXPECT_EQ(text("removed"), "(absent)");
  EXPECT_EQ(text("d/f"), "content");
  EXPECT_EQ(status_of(root_ / "hard")->inode, status_of(root_ / "d/f")->inode);
  EXPECT_EQ(read_link(root_ / "soft"), "d/f");
  EXPECT_EQ(text("cut"), "long");
}

TEST_F(FaultOpsTest, KeepsEverythingAfterASyncOfTheFileSystem) {
  ops_.make_folder(root_ / "d", kPrivateFolder);
  create("d/f")->append(as_bytes("content"));
  ops_.sync_file_system(root_);
  ops_.lose_unsynced();
  EXPECT_EQ(text("d/f"), "content");
}

TEST_F(FaultOpsTest, LosesAFolderWithAllItHoldsWhenItsNameWasNotSynced) {
  ops_.make_folder(root_ / "d", kPrivateFolder);
  const auto file = create("d/f");
  file->sync();
  ops_.sync_folder(root_ / "d");
  ops_.lose_unsynced();
  EXPECT_FALSE(path_exists(root_ / "d"));
}

TEST_F(FaultOpsTest, LeavesUntouchedTreesAlone) {
  make_folders(real_ops(), root_ / "big/deep");
  put_behind_its_back("big/deep/file", "as it was");
  create("f");
  ops_.lose_unsynced();
  EXPECT_EQ(text("big/deep/file"), "as it was");
  EXPECT_EQ(list_folder(root_).size(), 1U);
  EXPECT_EQ(list_folder(folder_.path()).size(), 1U);  // nothing beside it
}

TEST_F(FaultOpsTest, FailsTheChosenStepOnly) {
  ops_.fail_at(2, ENOSPC);
  const auto file = create("f");
  EXPECT_THROW(file->write_at(0, as_bytes("abcdef")), Error);
  EXPECT_EQ(text("f"), "abc");  // a write that fails has done half
  file->write_at(0, as_bytes("abcdef"));
  EXPECT_EQ(text("f"), "abcdef");
  EXPECT_EQ(ops_.steps(), 3U);
  EXPECT_EQ(ops_.history().at(1), "write " + (root_ / "f").string());
}

TEST_F(FaultOpsTest, SavesNothingByASyncThatFollowsAFailedOne) {
  const auto file = create("f");
  ops_.sync_folder(root_);
  file->append(as_bytes("content"));
  ops_.fail_at(4, EIO);
  EXPECT_THROW(file->sync(), Error);
  file->sync();
  ops_.lose_unsynced();
  EXPECT_EQ(text("f").find('c'), std::string::npos);
}

TEST_F(FaultOpsTest, StaysDeadUntilTheRestart) {
  const auto file = create("f");
  ops_.cut_at(2);
  EXPECT_THROW(file->append(as_bytes("abcdef")), PowerCut);
  EXPECT_THROW(file->append(as_bytes("abcdef")), PowerCut);
  EXPECT_THROW(create("g"), PowerCut);
  EXPECT_THROW(ops_.unlink(root_ / "f"), PowerCut);
  EXPECT_THROW(ops_.open_file(root_ / "f"), PowerCut);
  EXPECT_EQ(text("f"), "abc");
  ops_.restart();
  EXPECT_THROW(file->append(as_bytes("abcdef")), PowerCut);  // a file of the dead process
  ops_.open_file(root_ / "f")->append(as_bytes("!"));
  EXPECT_EQ(text("f"), "abc!");
}

}  // namespace

}  // namespace tidemark::disk
