#include "backup/data_walk.h"

#include <gmock/gmock.h>

#include "harness/program.h"
#include "harness/temporary_folder.h"

namespace tidemark::backup {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

constexpr std::uint32_t kCatalog15 = 202209061;

class DataWalkTest : public ::testing::Test {
 protected:
  void file(const std::string& path, const std::string& content = "x") {
    fs::create_directories((root() / path).parent_path());
    test::write_text_file(root() / path, content);
  }
  fs::path root() const { return folder_ / "data"; }
  fs::path outside() const { return folder_ / "outside"; }
  std::vector<WalkItem> items(int major = 15) const {
    std::vector<WalkItem> found;
    DataWalk walk(root(), major, kCatalog15);
    while (auto item = walk.next()) found.push_back(std::move(*item));
    return found;
  }
  std::vector<std::string> paths(int major = 15) const {
    std::vector<std::string> found;
    for (const WalkItem& item : items(major)) {
      found.push_back(item.path + (item.kind == catalog::EntryKind::folder    ? "/"
                                   : item.kind == catalog::EntryKind::symlink ? "@"
                                                                              : ""));
    }
    return found;
  }

  harness::TemporaryFolder folder_;
};

TEST_F(DataWalkTest, GoesInBytewiseOrderOfWholePaths) {
  file("a/b");
  file("a.c");
  file("a/.d/e");
  file("a0");
  file("B");
  EXPECT_THAT(paths(), ElementsAre("B", "a/", "a.c", "a/.d/", "a/.d/e", "a/b", "a0"));
}

TEST_F(DataWalkTest, KeepsPgWalEmptyButForItsFolders) {
  file("pg_wal/000000010000000000000001");
  file("pg_wal/archive_status/000000010000000000000001.ready");
  file("pg_wal.old");
  EXPECT_THAT(paths(15), ElementsAre("pg_wal/", "pg_wal.old", "pg_wal/archive_status/"));
  EXPECT_THAT(paths(17), ElementsAre("pg_wal/", "pg_wal.old", "pg_wal/archive_status/", "pg_wal/summaries/"));
}

TEST_F(DataWalkTest, TurnsLinkedFoldersOfTheServerIntoFolders) {
  fs::create_directories(outside() / "wal");
  fs::create_directories(outside() / "log");
  fs::create_directories(outside() / "xact");
  test::write_text_file(outside() / "xact" / "0000", "x");
  fs::create_directories(root());
  fs::create_directory_symlink(outside() / "wal", root() / "pg_wal");
  fs::create_directory_symlink(outside() / "xact", root() / "pg_xact");
  fs::create_directory_symlink(outside() / "log", root() / "log");
  EXPECT_THAT(paths(), ElementsAre("log@", "pg_wal/", "pg_wal/archive_status/", "pg_xact/", "pg_xact/0000"));
}

TEST_F(DataWalkTest, TakesTheContentOfLinkedFilesAndKeepsBrokenLinks) {
  fs::create_directories(outside());
  test::write_text_file(outside() / "settings", "shared_buffers = 1GB");
  fs::create_directories(root());
  fs::create_symlink(outside() / "settings", root() / "postgresql.conf");
  fs::create_symlink(outside() / "gone", root() / "server.key");
  const auto found = items();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].kind, catalog::EntryKind::file);
  EXPECT_EQ(found[0].status.size_bytes, 20U);
  EXPECT_EQ(found[1].kind, catalog::EntryKind::symlink);
  EXPECT_EQ(found[1].link_target, (outside() / "gone").string());
}

TEST_F(DataWalkTest, FollowsTablespacesOnceWhereverTheyLie) {
  fs::create_directories(outside() / "PG_15_202209061" / "5");
  test::write_text_file(outside() / "PG_15_202209061" / "5" / "16400", "x");
  fs::create_directories(outside() / "PG_14_202107181" / "5");
  file("inner/PG_15_202209061/5/16401");
  file("pg_tblspc/16392/PG_15_202209061/5/16402");  // in place
  fs::create_directory_symlink(outside(), root() / "pg_tblspc" / "16390");
  fs::create_directory_symlink(root() / "inner", root() / "pg_tblspc" / "16391");
  EXPECT_THAT(paths(),
              ElementsAre("inner/", "pg_tblspc/", "pg_tblspc/16390@", "pg_tblspc/16390/PG_15_202209061/",
                          "pg_tblspc/16390/PG_15_202209061/5/", "pg_tblspc/16390/PG_15_202209061/5/16400",
                          "pg_tblspc/16391@", "pg_tblspc/16391/PG_15_202209061/",
                          "pg_tblspc/16391/PG_15_202209061/5/", "pg_tblspc/16391/PG_15_202209061/5/16401",
                          "pg_tblspc/16392/", "pg_tblspc/16392/PG_15_202209061/",
                          "pg_tblspc/16392/PG_15_202209061/5/", "pg_tblspc/16392/PG_15_202209061/5/16402"));
  const auto tablespaces = read_tablespaces(root());
  ASSERT_EQ(tablespaces.size(), 3U);
  EXPECT_EQ(tablespaces[0], (catalog::Tablespace{16390, outside().string(), false}));
  EXPECT_EQ(tablespaces[2], (catalog::Tablespace{16392, "pg_tblspc/16392", true}));
}

TEST_F(DataWalkTest, TakesOnlyTheInitForkOfUnloggedRelations) {
  for (const auto* name : {"16384", "16384.1", "16384_fsm", "16384_init", "16385", "16385_vm"}) {
    file(std::string("base/5/") + name);
  }
  EXPECT_THAT(paths(),
              ElementsAre("base/", "base/5/", "base/5/16384_init", "base/5/16385", "base/5/16385_vm"));
}

TEST_F(DataWalkTest, DecidesWhatIsUnloggedWhenItGetsThere) {
  file("base/5/16384");
  file("base/5/16385");
  file("base/5/16385_init");
  DataWalk walk(root(), 15, kCatalog15);
  for (int n = 0; n < 3; ++n) EXPECT_TRUE(walk.next());
  fs::remove(root() / "base/5/16385_init");  // became logged, say
  const auto item = walk.next();
  ASSERT_TRUE(item);
  EXPECT_EQ(item->path, "base/5/16385");
}

TEST_F(DataWalkTest, PassesOverWhatVanishes) {
  file("base/5/1");
  file("base/5/2");
  file("base/6/1");
  DataWalk walk(root(), 15, kCatalog15);
  for (int n = 0; n < 2; ++n) EXPECT_TRUE(walk.next());  // base, base/5
  fs::remove(root() / "base/5/1");
  fs::remove_all(root() / "base/6");
  std::vector<std::string> rest;
  while (auto item = walk.next()) rest.push_back(item->path);
  EXPECT_THAT(rest, ElementsAre("base/5/2"));
}

}  // namespace
}  // namespace tidemark::backup
