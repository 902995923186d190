#include "disk/directory_walk.h"

#include <gtest/gtest.h>

#include "disk/durable_ops.h"
#include "harness/temporary_folder.h"
#include "tidemark/error.h"

namespace tidemark::disk {

namespace {

using harness::TemporaryFolder;

void write_text(const Path& path, std::string_view text) {
  real_ops().create_file(path, kPrivateFile)->append(as_bytes(text));
}

TEST(ListFolder, SortsBytewiseAndNamesTypes) {
  const TemporaryFolder folder;
  write_text(folder / "b", "");
  write_text(folder / "B", "");
  write_text(folder / ".hidden", "");
  real_ops().make_folder(folder / "a", kPrivateFolder);
  real_ops().make_symlink("nowhere", folder / "z");
  const auto entries = list_folder(folder.path());
  ASSERT_EQ(entries.size(), 5U);
  EXPECT_EQ(entries[0].name, ".hidden");
  EXPECT_EQ(entries[1].name, "B");
  EXPECT_EQ(entries[2].name, "a");
  EXPECT_EQ(entries[2].type, EntryType::folder);
  EXPECT_EQ(entries[3].type, EntryType::file);
  EXPECT_EQ(entries[4].type, EntryType::symlink);
}

TEST(ListFolder, TellsAbsence) {
  const TemporaryFolder folder;
  write_text(folder / "f", "");
  EXPECT_TRUE(list_folder_if_present(folder / "absent").empty());
  EXPECT_TRUE(list_folder_if_present(folder / "f").empty());
  try {
    list_folder(folder / "absent");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
  }
}

TEST(StatusOf, TellsLinksFromWhatTheyLeadTo) {
  const TemporaryFolder folder;
  write_text(folder / "f", "12345");
  real_ops().make_symlink("f", folder / "link");
  EXPECT_EQ(status_of(folder / "link")->type, EntryType::symlink);
  EXPECT_EQ(status_following(folder / "link")->type, EntryType::file);
  EXPECT_EQ(status_following(folder / "link")->size_bytes, 5U);
  EXPECT_EQ(status_of(folder / "f")->inode, status_following(folder / "link")->inode);
  EXPECT_FALSE(status_of(folder / "f/below"));
  EXPECT_EQ(read_link(folder / "link"), "f");
  EXPECT_FALSE(read_link(folder / "f"));
  EXPECT_FALSE(read_link(folder / "absent"));
}

TEST(WalkTree, VisitsFoldersBeforeTheirContentAndSkipsOnRequest) {
  const TemporaryFolder folder;
  make_folders(real_ops(), folder / "base/1");
  make_folders(real_ops(), folder / "pg_wal/archive_status");
  write_text(folder / "base/1/2619", "x");
  write_text(folder / "PG_VERSION", "15\n");
  real_ops().make_symlink(folder / "base", folder / "loop");
  std::vector<std::string> visited;
  walk_tree(folder.path(), [&](const std::string& relative, const FileStatus&) {
    visited.push_back(relative);
    return relative != "pg_wal";
  });
  EXPECT_EQ(visited,
            (std::vector<std::string>{"PG_VERSION", "base", "base/1", "base/1/2619", "loop", "pg_wal"}));
}

TEST(WalkTree, BearsFilesThatVanishOnTheWay) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b", "c"}) write_text(folder / name, "");
  std::vector<std::string> visited;
  walk_tree(folder.path(), [&](const std::string& relative, const FileStatus&) {
    visited.push_back(relative);
    real_ops().unlink(folder / "b");
    return true;
  });
  EXPECT_EQ(visited, (std::vector<std::string>{"a", "c"}));
}

TEST(Devices, AreThoseOfTheNearestExistingParent) {
  const TemporaryFolder folder;
  EXPECT_TRUE(same_device(folder.path(), folder / "not/yet/there"));
  EXPECT_FALSE(same_device(folder.path(), "/proc"));
  EXPECT_GT(free_bytes(folder / "not/yet"), 0U);
}

}  // namespace

}  // namespace tidemark::disk
