#include "disk/durable_ops.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "disk/directory_walk.h"
#include "disk/fault_ops.h"
#include "disk/file_reader.h"
#include "harness/temporary_folder.h"
#include "tidemark/error.h"

namespace tidemark::disk {

namespace {

using harness::TemporaryFolder;

template <typename Work>
ErrorKind kind_thrown_by(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::interrupted;
}

void write_text(const Path& path, std::string_view text) {
  real_ops().create_file(path, kPrivateFile)->append(as_bytes(text));
}

TEST(OutputFile, WritesAtPlacesAndAppends) {
  const TemporaryFolder folder;
  const auto file = real_ops().create_file(folder / "f", kPrivateFile);
  file->append(as_bytes("hello "));
  file->append(as_bytes("world"));
  EXPECT_EQ(file->append_position(), 11U);
  file->write_at(0, as_bytes("H"));
  file->sync_data();
  file->sync();
  file->close();
  file->close();
  EXPECT_EQ(read_small_text(folder / "f"), "Hello world");
  EXPECT_EQ(status_of(folder / "f")->mode, kPrivateFile);
}

TEST(OutputFile, AppendsAtTheEndOfAnOpenedFile) {
  const TemporaryFolder folder;
  write_text(folder / "f", "one");
  const auto file = real_ops().open_file(folder / "f");
  file->append(as_bytes("two"));
  EXPECT_EQ(read_small_text(folder / "f"), "onetwo");
  file->truncate(2);
  file->append(as_bytes("!"));
  EXPECT_EQ(read_small_text(folder / "f"), "on!");
}

TEST(OutputFile, AllocatesZerosAndKeepsAppendingAtTheStart) {
  const TemporaryFolder folder;
  const auto file = real_ops().create_file(folder / "f", kPrivateFile);
  file->allocate(10'000);
  file->append(as_bytes("x"));
  file->start_writeback(0, 4096);
  const Bytes content = read_whole_file(folder / "f");
  ASSERT_EQ(content.size(), 10'000U);
  EXPECT_EQ(content[0], 'x');
  EXPECT_EQ(content[9'999], 0);
  file->allocate(5'000);  // never shortens
  EXPECT_EQ(status_of(folder / "f")->size_bytes, 10'000U);
}

TEST(DurableOps, NeverCreatesOverAnExistingFile) {
  const TemporaryFolder folder;
  write_text(folder / "f", "kept");
  EXPECT_EQ(kind_thrown_by([&] { real_ops().create_file(folder / "f", kPrivateFile); }), ErrorKind::mismatch);
  EXPECT_EQ(read_small_text(folder / "f"), "kept");
}

TEST(DurableOps, OpensNeitherAbsentFilesNorSymbolicLinks) {
  const TemporaryFolder folder;
  EXPECT_EQ(kind_thrown_by([&] { real_ops().open_file(folder / "f"); }), ErrorKind::not_found);
  write_text(folder / "f", "kept");
  real_ops().make_symlink("f", folder / "link");
  EXPECT_EQ(kind_thrown_by([&] { real_ops().open_file(folder / "link"); }), ErrorKind::io);
}

TEST(DurableOps, ReportsForeseenOutcomesAsValues) {
  const TemporaryFolder folder;
  DurableOps& ops = real_ops();
  write_text(folder / "a", "a");
  EXPECT_EQ(ops.link_new(folder / "a", folder / "b"), LinkOutcome::linked);
  EXPECT_EQ(ops.link_new(folder / "a", folder / "b"), LinkOutcome::already_exists);
  EXPECT_EQ(ops.unlink(folder / "a"), RemoveOutcome::removed);
  EXPECT_EQ(ops.unlink(folder / "a"), RemoveOutcome::absent);
  EXPECT_EQ(ops.make_folder(folder / "d", kPrivateFolder), MakeOutcome::made);
  EXPECT_EQ(ops.make_folder(folder / "d", kPrivateFolder), MakeOutcome::already_there);
  EXPECT_EQ(kind_thrown_by([&] { ops.make_folder(folder / "b", kPrivateFolder); }), ErrorKind::io);  // a file
  EXPECT_EQ(ops.remove_folder(folder / "d"), RemoveOutcome::removed);
  EXPECT_EQ(ops.remove_folder(folder / "d"), RemoveOutcome::absent);
  EXPECT_EQ(read_small_text(folder / "b"), "a");
}

TEST(DurableOps, SetsModeAndTime) {
  const TemporaryFolder folder;
  write_text(folder / "f", "f");
  real_ops().set_mode(folder / "f", 0640);
  const Instant before_epoch = Instant::from_unix(-1'500'000);
  real_ops().set_modified(folder / "f", before_epoch);
  const auto status = status_of(folder / "f");
  EXPECT_EQ(status->mode, 0640U);
  EXPECT_EQ(status->modified, before_epoch);
  real_ops().set_owner(folder / "f", status->owner, status->group);
  real_ops().sync_file(folder / "f");
  real_ops().sync_folder(folder.path());
  real_ops().sync_file_system(folder.path());
}

TEST(DurableOps, NamesThePathAndTheReasonOfAFailure) {
  const TemporaryFolder folder;
  try {
    real_ops().sync_folder(folder / "absent");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find((folder / "absent").string()), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("No such file"), std::string::npos) << error.message();
  }
}

TEST(TemporaryName, IsUniqueAndRecognised) {
  EXPECT_NE(temporary_name(), temporary_name());
  EXPECT_TRUE(is_temporary_name(temporary_name()));
  EXPECT_FALSE(is_temporary_name("tmp-1"));
}

TEST(MakeFolders, MakesParentsEachSyncedInItsParent) {
  const TemporaryFolder folder;
  FaultOps ops(folder / "root");
  real_ops().make_folder(folder / "root", kPrivateFolder);
  EXPECT_EQ(make_folders(ops, folder / "root/a/b/c/"), MakeOutcome::made);
  EXPECT_EQ(make_folders(ops, folder / "root/a/b/c"), MakeOutcome::already_there);
  EXPECT_EQ(status_of(folder / "root/a")->mode, kPrivateFolder);
  ops.lose_unsynced();
  EXPECT_TRUE(path_exists(folder / "root/a/b/c"));
}

TEST(RemoveTree, RemovesAllButWhatLinksLeadTo) {
  const TemporaryFolder folder;
  make_folders(real_ops(), folder / "tree/a/b");
  make_folders(real_ops(), folder / "other");
  write_text(folder / "tree/a/f", "f");
  write_text(folder / "other/kept", "kept");
  real_ops().make_symlink(folder / "other", folder / "tree/a/link");
  EXPECT_EQ(remove_tree(real_ops(), folder / "tree"), RemoveOutcome::removed);
  EXPECT_EQ(remove_tree(real_ops(), folder / "tree"), RemoveOutcome::absent);
  EXPECT_FALSE(path_exists(folder / "tree"));
  EXPECT_EQ(read_small_text(folder / "other/kept"), "kept");
}

// At every step: stopped with loss of everything unsynced, stopped with loss of bytes only, failed.
TEST(WriteFileDurably, LeavesTheOldOrTheNewContentWhereverItIsStruck) {
  for (const auto loss : {Loss::everything_unsynced, Loss::bytes_only}) {
    for (std::size_t step = 1;; ++step) {
      const TemporaryFolder folder;
      make_folders(real_ops(), folder / "root");
      write_text(folder / "root/f", "old");
      FaultOps ops(folder / "root");
      ops.cut_at(step);
      bool done = false;
      try {
        write_file_durably(ops, folder / "root/f", as_bytes("new content"));
        done = true;
      } catch (const PowerCut&) {
      }
      ops.lose_unsynced(loss);
      const std::string found = read_small_text(folder / "root/f");
      if (done) {
        EXPECT_EQ(found, "new content");
        EXPECT_GT(step, 5U);
        break;
      }
      EXPECT_TRUE(found == "old" || found == "new content") << "step " << step << ": " << found;
    }
  }
}

TEST(WriteFileDurably, TakesItsTemporaryFileBackWhenAStepFails) {
  for (std::size_t step = 1; step <= 4; ++step) {  // create, write, sync, rename
    const TemporaryFolder folder;
    make_folders(real_ops(), folder / "root");
    FaultOps ops(folder / "root");
    ops.fail_at(step, ENOSPC);
    try {
      write_file_durably(ops, folder / "root/f", as_bytes("content"));
      FAIL() << "step " << step;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "no_space");
    }
    EXPECT_TRUE(list_folder(folder / "root").empty()) << "step " << step;
  }
}

TEST(PublishFileDurably, NeverReplaces) {
  const TemporaryFolder folder;
  const ByteView one = as_bytes("one"), two = as_bytes("two");
  const ByteView both[] = {one, two};
  EXPECT_EQ(publish_file_durably(real_ops(), folder / "f", both, folder.path()), LinkOutcome::linked);
  EXPECT_EQ(publish_file_durably(real_ops(), folder / "f", std::span(&two, 1), folder.path()),
            LinkOutcome::already_exists);
  EXPECT_EQ(read_small_text(folder / "f"), "onetwo");
  EXPECT_EQ(list_folder(folder.path()).size(), 1U);
}

}  // namespace

}  // namespace tidemark::disk
