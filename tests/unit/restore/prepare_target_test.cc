#include "restore/prepare_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "harness/temporary_folder.h"
#include "tidemark/error.h"
#include "tidemark/progress.h"
#include "unit/restore/tiny_backup.h"

namespace tidemark::restore {
namespace {

using harness::TemporaryFolder;
using testing::HasSubstr;

RestoreOptions options_in(const TemporaryFolder& folder) {
  RestoreOptions options;
  options.target_directory = folder / "restored";
  options.tablespace_map = {{"/nowhere/space", folder / "space"}};
  options.program = "/usr/bin/tidemark";
  return options;
}

PreparedTarget prepare(const test::TinyBackup& backup, const RestoreOptions& options) {
  const auto chosen = backup.chosen();
  return prepare_target(options, chosen, check_before(options, chosen), {"memory"}, disk::real_ops(),
                        no_progress(), {});
}

std::string code_of(const test::TinyBackup& backup, const RestoreOptions& options) {
  try {
    prepare(backup, options);
  } catch (const Error& failure) {
    return std::string(failure.code());
  }
  return "restored";
}

std::string text_of(const disk::Path& file) { return disk::read_small_text(file); }

TEST(PrepareTarget, WritesEveryByteAndLeavesHoles) {
  const TemporaryFolder folder;
  const test::TinyBackup backup;
  const auto prepared = prepare(backup, options_in(folder));
  for (const auto& [path, content] : backup.files) {
    if (path.starts_with("postgresql.")) continue;
    const bool moved = path.starts_with("pg_tblspc/16400/");
    EXPECT_EQ(disk::read_whole_file(moved ? folder / "space" / path.substr(16) : folder / "restored" / path),
              content)
        << path;
  }
  EXPECT_EQ(prepared.copied.files, backup.files.size());
  EXPECT_EQ(prepared.copied.hole_bytes, (1U << 20) + (17U << 20) + (1U << 20));
  EXPECT_LT(disk::status_of(folder / "restored/base/5/16385")->allocated_bytes, 4U << 20);
}

TEST(PrepareTarget, MakesItStartable) {
  const TemporaryFolder folder;
  const test::TinyBackup backup;
  prepare(backup, options_in(folder));
  const auto target = folder / "restored";
  EXPECT_EQ(disk::read_whole_file(target / "global/pg_control"), backup.manifest.control_file);
  EXPECT_EQ(text_of(target / "backup_label"), backup.manifest.backup_label);
  EXPECT_EQ(text_of(target / "tablespace_map"), "16400 " + (folder / "space").string() + "\n");
  EXPECT_EQ(disk::read_link(target / "pg_tblspc/16400"), (folder / "space").string());
  EXPECT_EQ(text_of(target / "recovery.signal"), "");
  EXPECT_THAT(text_of(target / "postgresql.auto.conf"), HasSubstr("work_mem = '5MB'"));
  EXPECT_THAT(text_of(target / "postgresql.auto.conf"), HasSubstr("recovery_target_lsn = '0/3000028'"));
  EXPECT_THAT(text_of(target / "postgresql.conf"), HasSubstr("# tidemark restore: data_directory"));
  for (const char* name : {"pg_wal/archive_status", "pg_notify", "pg_replslot", "pg_subtrans"}) {
    EXPECT_EQ(disk::status_of(target / name)->type, disk::EntryType::folder) << name;
  }
  EXPECT_EQ(look_at_target(target), TargetState::occupied);
  EXPECT_FALSE(disk::path_exists(target / kUnfinishedMarker));
  const auto state = find_state(target);
  ASSERT_TRUE(state);
  EXPECT_EQ(parse_state(render_state(*state)), *state);
}

TEST(PrepareTarget, RefusesWhatIsNotEmpty) {
  const TemporaryFolder folder;
  const test::TinyBackup backup;
  auto& ops = disk::real_ops();
  ops.make_folder(folder / "space", 0700);
  ops.create_file(folder / "space/letter", 0600)->close();
  EXPECT_EQ(code_of(backup, options_in(folder)), "tablespace_not_empty");
  EXPECT_FALSE(disk::path_exists(folder / "restored"));
  ops.make_folder(folder / "restored", 0700);
  ops.create_file(folder / "restored/letter", 0600)->close();
  EXPECT_EQ(code_of(backup, options_in(folder)), "target_not_empty");
}

TEST(PrepareTarget, RefusesTooLittleSpace) {
  const TemporaryFolder folder;
  const test::TinyBackup backup;
  auto chosen = backup.chosen();
  chosen.planned.plan.file_bytes = 1ULL << 60;
  try {
    check_before(options_in(folder), chosen);
    FAIL() << "was not refused";
  } catch (const Error& failure) {
    EXPECT_EQ(failure.code(), "not_enough_space");
    EXPECT_THAT(failure.message(), HasSubstr("MiB free"));
  }
}

TEST(PrepareTarget, NoticesAFileWhoseExtentsDoNotAddUp) {
  const TemporaryFolder folder;
  const test::TinyBackup backup(1);
  try {
    prepare(backup, options_in(folder));
    FAIL() << "was not noticed";
  } catch (const Error& failure) {
    EXPECT_EQ(failure.kind(), ErrorKind::corrupt);
    EXPECT_THAT(failure.message(), HasSubstr("global/1262"));
  }
  EXPECT_EQ(look_at_target(folder / "restored"), TargetState::unfinished);
}

TEST(PrepareTarget, NoticesADamagedPack) {
  const TemporaryFolder folder;
  const test::TinyBackup backup;
  const std::string name = catalog::pack_name(backup.incarnation, backup.manifest.header.id, 0);
  Bytes pack = *backup.store->get(name);
  pack[pack.size() / 2] ^= 1;
  backup.store->overwrite(name, pack);
  try {
    prepare(backup, options_in(folder));
    FAIL() << "was not noticed";
  } catch (const Error& failure) {
    EXPECT_EQ(failure.kind(), ErrorKind::corrupt);
  }
  EXPECT_FALSE(disk::path_exists(folder / "restored/global/pg_control"));
}

TEST(PrepareTarget, BeginsAnewWhereItWasInterrupted) {
  const TemporaryFolder folder;
  const test::TinyBackup broken(1), backup;
  EXPECT_EQ(code_of(broken, options_in(folder)), "corrupt");
  const auto prepared = prepare(backup, options_in(folder));
  EXPECT_THAT(prepared.notes, testing::Contains(HasSubstr("unfinished restore")));
  EXPECT_EQ(disk::read_whole_file(folder / "restored/global/1262"), backup.files.at("global/1262"));
}

}  // namespace
}  // namespace tidemark::restore
