#include "pgdata/copy_rules.h"

#include <gtest/gtest.h>

namespace tidemark::pgdata {
namespace {

constexpr std::uint32_t kCatalog15 = 202209061;

CopyRule file_rule(std::string_view path) { return copy_rule(path, false, 15, kCatalog15); }
CopyRule folder_rule(std::string_view path) { return copy_rule(path, true, 15, kCatalog15); }

TEST(CopyRule, KeepsTheFoldersThatTheServerRefillsEmpty) {
  for (const auto* folder : {"pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots",
                             "pg_stat_tmp", "pg_subtrans"}) {
    EXPECT_EQ(folder_rule(folder), CopyRule::empty_folder) << folder;
  }
  for (const auto* folder : {"base", "base/5", "global", "pg_xact", "pg_multixact", "pg_stat", "pg_tblspc",
                             "log", "base/5/pg_notify"}) {
    EXPECT_EQ(folder_rule(folder), CopyRule::copy) << folder;
  }
}

TEST(CopyRule, SkipsWhatBelongsToTheRunningServer) {
  for (const auto* file : {"postmaster.pid", "postmaster.opts", "backup_label", "tablespace_map",
                           "backup_manifest", "postgresql.auto.conf.tmp", "current_logfiles.tmp",
                           "global/pg_internal.init", "base/5/pg_internal.init.4711", "base/pgsql_tmp",
                           "base/pgsql_tmp/pgsql_tmp123.0", ".DS_Store", "global/pg_control"}) {
    EXPECT_EQ(file_rule(file), CopyRule::skip) << file;
  }
  EXPECT_EQ(folder_rule("base/pgsql_tmp"), CopyRule::skip);
  for (const auto* file : {"PG_VERSION", "postgresql.auto.conf", "backup_label.old", "global/pg_filenode.map",
                           "base/5/1259", "base/5/1259_vm", "pg_xact/0000", "pg_hba.conf"}) {
    EXPECT_EQ(file_rule(file), CopyRule::copy) << file;
  }
}

TEST(CopyRule, SkipsTemporaryRelationsInDatabaseFoldersOnly) {
  for (const auto* file : {"base/5/t3_16384", "base/5/t0_16384", "base/5/t12_16384_fsm", "base/5/t3_16384.1",
                           "pg_tblspc/16400/PG_15_202209061/5/t3_16384_vm.2"}) {
    EXPECT_EQ(file_rule(file), CopyRule::skip) << file;
  }
  for (const auto* file :
       {"t3_16384", "base/5/t_16384", "base/5/t3_", "base/5/t3_x", "base/5/tx_16384", "pg_stat/t3_16384"}) {
    EXPECT_EQ(file_rule(file), CopyRule::copy) << file;
  }
}

TEST(CopyRule, TakesOnlyItsOwnVersionOfATablespace) {
  EXPECT_EQ(folder_rule("pg_tblspc/16400"), CopyRule::copy);
  EXPECT_EQ(folder_rule("pg_tblspc/16400/PG_15_202209061"), CopyRule::copy);
  EXPECT_EQ(folder_rule("pg_tblspc/16400/PG_14_202107181"), CopyRule::skip);
  EXPECT_EQ(folder_rule("pg_tblspc/16400/lost+found"), CopyRule::skip);
  EXPECT_EQ(file_rule("pg_tblspc/16400/somebody_elses_file"), CopyRule::skip);
  EXPECT_EQ(folder_rule("pg_tblspc/16400/PG_15_202209061/5"), CopyRule::copy);
  EXPECT_EQ(copy_rule("pg_tblspc/16400/PG_14_202107181", true, 14, 202107181), CopyRule::copy);
}

TEST(RelationPath, KnowsForkSegmentAndPlace) {
  const auto file = parse_relation_path("base/5/16384_fsm.3");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->tablespace, 1663U);
  EXPECT_EQ(file->database, 5U);
  EXPECT_EQ(file->relation, 16384U);
  EXPECT_EQ(file->fork, Fork::fsm);
  EXPECT_EQ(file->segment, 3U);

  const auto shared = parse_relation_path("global/1262");
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->tablespace, 1664U);
  EXPECT_EQ(shared->database, 0U);

  const auto elsewhere = parse_relation_path("pg_tblspc/16400/PG_15_202209061/5/16401_init");
  ASSERT_TRUE(elsewhere);
  EXPECT_EQ(elsewhere->tablespace, 16400U);
  EXPECT_EQ(elsewhere->database, 5U);
  EXPECT_EQ(elsewhere->fork, Fork::init);
}

TEST(RelationPath, RefusesWhatOnlyLooksLikeOne) {
  for (const auto* path :
       {"base/5/PG_VERSION", "base/5/pg_filenode.map", "base/5/0123", "base/5/16384.0", "base/5/16384.01",
        "base/5/16384_foo", "base/5/16384_vm_vm", "base/5/99999999999", "base/5/t3_16384", "base/x/16384",
        "16384", "pg_xact/0000", "base/5/6/16384", "global/pg_control", "pg_tblspc/16400/5/16384", "base/5/",
        "base/5/-1", "base/5/16384."}) {
    EXPECT_FALSE(parse_relation_path(path)) << path;
  }
}

TEST(InitForkPath, NamesTheSiblingOfEveryForkAndSegment) {
  EXPECT_EQ(init_fork_path("base/5/16384"), "base/5/16384_init");
  EXPECT_EQ(init_fork_path("base/5/16384_vm.2"), "base/5/16384_init");
  EXPECT_EQ(init_fork_path("pg_tblspc/16400/PG_15_202209061/5/16384.1"),
            "pg_tblspc/16400/PG_15_202209061/5/16384_init");
  EXPECT_EQ(init_fork_path("base/5/16384_init"), std::nullopt);
  EXPECT_EQ(init_fork_path("global/1262"), std::nullopt);
  EXPECT_EQ(init_fork_path("base/5/PG_VERSION"), std::nullopt);
}

TEST(TablespaceVersionFolder, IsMajorAndCatalogVersion) {
  EXPECT_EQ(tablespace_version_folder(15, kCatalog15), "PG_15_202209061");
}

}  // namespace
}  // namespace tidemark::pgdata
