// What the posix store promises about power cuts, full disks and dead processes.
#include "store/posix_store.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "disk/directory_walk.h"
#include "disk/fault_ops.h"
#include "disk/file_reader.h"
#include "harness/temporary_folder.h"
#include "tidemark/clock.h"
#include "tidemark/error.h"

namespace tidemark::store {

namespace {

using disk::FaultOps;
using disk::Loss;
using disk::PowerCut;
using harness::TemporaryFolder;

constexpr const char* kName = "clusters/main/wal/1/object";

std::string text_of(const ObjectStore& store, std::string_view name) {
  const auto content = store.get(name);
  return content ? std::string(as_text(*content)) : "(absent)";
}

std::vector<std::string> names_of(const ObjectStore& store) {
  std::vector<std::string> names;
  store.list("", "", [&](const ObjectInfo& object) {
    names.push_back(object.name);
    return true;
  });
  return names;
}

// Runs `work` struck at every step in turn until it is not struck any more; returns the number of steps.
std::size_t at_every_step(
    const std::function<void(FaultOps&, std::size_t)>& arm, const std::function<bool(ObjectStore&)>& work,
    const std::function<void(FaultOps&, const disk::Path&, bool done, std::size_t)>& check) {
  for (std::size_t step = 1; step < 100; ++step) {
    const TemporaryFolder folder;
    const disk::Path root = folder / "root";
    disk::make_folders(disk::real_ops(), root);
    FaultOps ops(root);
    arm(ops, step);
    bool done = false;
    try {
      const auto store = open_posix_store(root / "repository", ops);
      done = work(*store);
    } catch (const PowerCut&) {
    } catch (const Error&) {
    }
    const bool struck = ops.steps() >= step;  // before check(), which may start the count anew
    check(ops, root / "repository", done, step);
    if (!struck) return step - 1;
  }
  ADD_FAILURE() << "never ends";
  return 0;
}

bool put(ObjectStore& store) { return store.put(kName, as_bytes("whole content")) == PutOutcome::stored; }

void whole_or_absent_and_can_be_put(FaultOps& ops, const disk::Path& root, bool done, std::size_t step) {
  const auto store = open_posix_store(root, ops);
  const std::string found = text_of(*store, kName);
  if (done) {
    EXPECT_EQ(found, "whole content") << "acknowledged, but lost at step " << step;
  } else {
    EXPECT_TRUE(found == "(absent)" || found == "whole content") << "step " << step << ": " << found;
  }
  EXPECT_LE(names_of(*store).size(), 1U);
  store->put(kName, as_bytes("whole content"));
  EXPECT_EQ(text_of(*store, kName), "whole content") << "step " << step;
}

TEST(PosixStore, KeepsItsPromiseWhereverThePowerIsCut) {
  for (const Loss loss : {Loss::everything_unsynced, Loss::bytes_only}) {
    const std::size_t steps =
        at_every_step([](FaultOps& ops, std::size_t step) { ops.cut_at(step); }, put,
                      [&](FaultOps& ops, const disk::Path& root, bool done, std::size_t step) {
                        ops.lose_unsynced(loss);
                        whole_or_absent_and_can_be_put(ops, root, done, step);
                      });
    EXPECT_GT(steps, 15U);  // five levels of folders, each made and synced, then the object
  }
}

TEST(PosixStore, KeepsItsPromiseWhereverTheProcessDies) {
  at_every_step([](FaultOps& ops, std::size_t step) { ops.cut_at(step); }, put,
                [](FaultOps& ops, const disk::Path& root, bool done, std::size_t step) {
                  ops.restart();
                  whole_or_absent_and_can_be_put(ops, root, done, step);
                });
}

TEST(PosixStore, KeepsItsPromiseWhateverStepFails) {
  for (const int error_number : {ENOSPC, EIO}) {
    at_every_step([&](FaultOps& ops, std::size_t step) { ops.fail_at(step, error_number); }, put,
                  [](FaultOps& ops, const disk::Path& root, bool done, std::size_t step) {
                    ops.lose_unsynced();
                    whole_or_absent_and_can_be_put(ops, root, done, step);
                  });
  }
}

// The process that made folder and object died before it synced them; the machine dies only after a second
// process was told "already exists" or "stored" there.
TEST(PosixStore, MakesDurableWhatADeadProcessLeftUnsynced) {
  at_every_step([](FaultOps& ops, std::size_t step) { ops.cut_at(step); }, put,
                [](FaultOps& ops, const disk::Path& root, bool, std::size_t step) {
                  ops.restart();
                  {
                    const auto store = open_posix_store(root, ops);
                    store->put(kName, as_bytes("whole content"));
                    store->put("clusters/main/wal/1/other", as_bytes("other"));
                  }
                  ops.lose_unsynced();
                  const auto store = open_posix_store(root, disk::real_ops());
                  EXPECT_EQ(text_of(*store, kName), "whole content") << "step " << step;
                  EXPECT_EQ(text_of(*store, "clusters/main/wal/1/other"), "other") << "step " << step;
                });
}

TEST(PosixStore, RemovesForGood) {
  at_every_step([](FaultOps& ops, std::size_t step) { ops.cut_at(step); },
                [](ObjectStore& store) {
                  put(store);
                  store.remove(kName);
                  return true;
                },
                [](FaultOps& ops, const disk::Path& root, bool done, std::size_t step) {
                  ops.lose_unsynced();
                  const std::string found = text_of(*open_posix_store(root, disk::real_ops()), kName);
                  EXPECT_TRUE(found == "(absent)" || (!done && found == "whole content"))
                      << "step " << step << found;
                });
}

TEST(PosixStore, KeepsEverySyncedAppendOfAGrowingObject) {
  const std::string one(5000, '1'), two(300, '2'), three(70'000, '3');
  std::size_t synced = 0;
  at_every_step([](FaultOps& ops, std::size_t step) { ops.cut_at(step); },
                [&](ObjectStore& store) {
                  synced = 0;
                  const auto growing = store.create_growing(kName, 100'000);
                  for (const std::string& text : {one, two, three}) {
                    growing->append(as_bytes(text));
                    growing->sync();
                    ++synced;
                  }
                  return true;
                },
                [&](FaultOps& ops, const disk::Path& root, bool, std::size_t step) {
                  ops.lose_unsynced();
                  const std::string found = text_of(*open_posix_store(root, disk::real_ops()), kName);
                  const std::string expected =
                      (synced > 0 ? one : "") + (synced > 1 ? two : "") + (synced > 2 ? three : "");
                  if (synced > 0) {
                    EXPECT_TRUE(found.starts_with(expected)) << "step " << step;
                    EXPECT_EQ(found.find_first_not_of(std::string("123") + '\0'), found.npos);
                  }
                });
}

TEST(PosixStore, LeavesNoNameBehindWhenAGrowingObjectCannotBeMade) {
  at_every_step([](FaultOps& ops, std::size_t step) { ops.fail_at(step, ENOSPC); },
                [](ObjectStore& store) { return store.create_growing(kName, 1000) != nullptr; },
                [](FaultOps& ops, const disk::Path& root, bool done, std::size_t step) {
                  ops.restart();
                  const auto store = open_posix_store(root, ops);
                  EXPECT_EQ(store->info(kName).has_value(), done) << "step " << step;
                });
}

TEST(PosixStore, NeedsOneSyncForASmallAppend) {
  const TemporaryFolder folder;
  disk::make_folders(disk::real_ops(), folder / "root");
  FaultOps ops(folder / "root");
  const auto growing = open_posix_store(folder / "root", ops)->create_growing(kName, 1 << 20);
  const std::size_t before = ops.steps();
  growing->append(as_bytes("commit"));
  growing->sync();
  EXPECT_EQ(ops.steps(), before + 2);  // one write, one sync
  EXPECT_TRUE(ops.history().back().starts_with("sync_data "));
}

TEST(PosixStore, KeepsModesPrivate) {
  const TemporaryFolder folder;
  const auto store = open_posix_store(folder / "root", disk::real_ops());
  put(*store);
  EXPECT_EQ(disk::status_of(folder / "root/clusters/main")->mode, 0700U);
  EXPECT_EQ(disk::status_of(folder / "root" / kName)->mode, 0600U);
  store->create_growing("growing", 10);
  EXPECT_EQ(disk::status_of(folder / "root/growing")->mode, 0600U);
}

TEST(PosixStore, HidesAndLaterRemovesWhatDeadPutsLeft) {
  const TemporaryFolder folder;
  const disk::Path scratch = folder / "root/.tmp";
  disk::make_folders(disk::real_ops(), scratch);
  const disk::Path old_file = scratch / disk::temporary_name(), young_file = scratch / disk::temporary_name();
  disk::write_file_durably(disk::real_ops(), old_file, as_bytes("old"));
  disk::write_file_durably(disk::real_ops(), young_file, as_bytes("young"));
  disk::write_file_durably(disk::real_ops(), scratch / "notes", as_bytes("not ours"));
  disk::real_ops().set_modified(scratch / "notes", Instant());
  disk::real_ops().set_modified(old_file, system_clock().now() - std::chrono::hours(25));
  const auto store = open_posix_store(folder / "root", disk::real_ops());
  EXPECT_TRUE(names_of(*store).empty());
  EXPECT_TRUE(disk::path_exists(old_file));  // reading changes nothing
  put(*store);
  EXPECT_FALSE(disk::path_exists(old_file));
  EXPECT_TRUE(disk::path_exists(young_file));
  EXPECT_TRUE(disk::path_exists(scratch / "notes"));
  EXPECT_EQ(names_of(*store), std::vector<std::string>{kName});
  EXPECT_EQ(disk::list_folder(scratch).size(), 2U);  // its own temporary file is gone
}

TEST(PosixStore, RefusesNamesInItsScratchFolder) {
  const TemporaryFolder folder;
  const auto store = open_posix_store(folder / "root", disk::real_ops());
  EXPECT_THROW(store->put(".tmp/x", as_bytes("x")), Error);
  EXPECT_THROW(store->info(".tmp"), Error);
  EXPECT_EQ(store->put(".tmpx", as_bytes("x")), PutOutcome::stored);
}

TEST(PosixStore, WritesNothingWhenItsFileSystemIsGone) {
  const TemporaryFolder folder;
  const disk::Path root = folder / "root";
  disk::make_folders(disk::real_ops(), root);
  const auto store = open_posix_store(root, disk::real_ops());
  put(*store);
  // What an unmounted share looks like: another device under the same name.
  disk::remove_tree(disk::real_ops(), root);
  disk::real_ops().make_symlink("/proc", root);
  try {
    put(*store);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  }
}

TEST(PosixStore, PutsAgainAfterAFolderWasTakenAway) {
  const TemporaryFolder folder;
  const auto store = open_posix_store(folder / "root", disk::real_ops());
  put(*store);
  disk::remove_tree(disk::real_ops(), folder / "root/clusters");
  disk::remove_tree(disk::real_ops(), folder / "root/.tmp");
  EXPECT_TRUE(put(*store));
  EXPECT_EQ(text_of(*store, kName), "whole content");
}

TEST(PosixStore, SaysWhereItLies) {
  const TemporaryFolder folder;
  const auto store = open_posix_store((folder / "root").string() + "/", disk::real_ops());
  EXPECT_EQ(store->describe(), "posix:" + (folder / "root").string());
  EXPECT_EQ(store->device(), open_posix_store(folder / "other", disk::real_ops())->device());
  EXPECT_TRUE(store->features().append);
}

}  // namespace

}  // namespace tidemark::store
