#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "backup/names_reader.h"
#include "catalog/names.h"
#include "e2e/backup_support.h"
#include "pgdata/page_checksum.h"

namespace tidemark::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Order-free fingerprint of a table's whole content.
std::string fingerprint(const std::string& table) {
  return "SELECT count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM " + table + " t";
}

std::vector<std::string> pgbench_fingerprints() {
  return {fingerprint("pgbench_accounts"), fingerprint("pgbench_branches"), fingerprint("pgbench_tellers"),
          fingerprint("pgbench_history")};
}

// pgbench in the background until the object ends.
class Load {
 public:
  Load(const PostgresCluster& cluster, const path& scratch, int clients = 2)
      : process_((cluster.binaries() / "pgbench").string(),
                 {"-n", "-c", std::to_string(clients), "-T", "60", cluster.connection_string()},
                 scratch / "pgbench.log", options()) {
    EXPECT_TRUE(eventually([&] { return cluster.sql("SELECT count(*) > 50 FROM pgbench_history") == "t"; }));
  }

 private:
  static ProgramOptions options() {
    ProgramOptions options;
    options.user = server_user();
    return options;
  }
  Process process_;
};

void make_pgbench_tables(const PostgresCluster& cluster, int scale) {
  cluster.run("pgbench", {"-i", "-q", "-s", std::to_string(scale), cluster.connection_string()});
}

const catalog::FileEntry* find_entry(const std::vector<catalog::FileEntry>& entries,
                                     const std::string& path) {
  for (const catalog::FileEntry& entry : entries) {
    if (entry.path == path) return &entry;
  }
  return nullptr;
}

TEST(Backup, UnderLoadRestoresToTheSourcesContent) {
  const ScratchFolder scratch;
  const PostgresCluster cluster;
  make_pgbench_tables(cluster, 3);
  const auto repository = make_repository(scratch.path() / "repository", true);
  auto options = backup_options(cluster, {repository});
  options.jobs = 3;
  backup::BackupResult result;
  {
    const Load load(cluster, scratch.path());
    result = take_backup(options, {repository});
  }
  EXPECT_EQ(result.header.bad_page_count, 0U);
  EXPECT_TRUE(result.warnings.empty()) << result.warnings.front();
  EXPECT_LT(result.header.started, result.header.finished);
  EXPECT_GT(result.header.bytes, 60U << 20);
  EXPECT_LT(result.header.new_bytes, result.header.bytes / 2);

  const auto restored = restore_to_the_end(cluster, repository, result.header.id, scratch.path());
  for (const std::string& query : pgbench_fingerprints())
    EXPECT_EQ(restored->sql(query), cluster.sql(query)) << query;
  restored->stop();
  restored->run("pg_checksums", {"--check", "-D", (scratch.path() / "restored").string()});
}

TEST(Backup, KnowsWhereItsBackupEndRecordBegins) {
  const ScratchFolder scratch;
  const PostgresCluster cluster({.segment_megabytes = 1});
  const auto repository = make_repository(scratch.path() / "repository");
  for (int round = 0; round < 4; ++round) {
    // Moves the record about within its page, and over page boundaries.
    cluster.sql("SELECT pg_logical_emit_message(false, 'pad', repeat('x', " +
                std::to_string(round * 2700 + 100) + "))");
    const auto header = take_backup(backup_options(cluster, {repository}), {repository}).header;
    const std::string records =
        cluster.run("pg_waldump", {"-p", (cluster.data_directory() / "pg_wal").string(), "-s",
                                   header.start.to_string(), "-e", header.stop.to_string(), "-r", "XLOG"});
    std::istringstream lines(records);
    std::string found = "none";
    for (std::string line; std::getline(lines, line);) {
      if (line.find("BACKUP_END") == std::string::npos) continue;
      const std::size_t at = line.find("lsn: ") + 5;
      found = line.substr(at, line.find(',', at) - at);
    }
    const auto lsn = Lsn::parse(found.substr(0, 2) + found.substr(found.find_first_not_of('0', 2)));
    ASSERT_TRUE(lsn) << found;
    EXPECT_EQ(header.backup_end, *lsn);
  }
}

TEST(Backup, KeepsTablespacesUnloggedRelationsAndLinks) {
  const ScratchFolder scratch;
  const PostgresCluster cluster;
  for (const path& folder : {scratch.path() / "outside", cluster.data_directory() / "inside"}) {
    std::filesystem::create_directory(folder);
    give_to_server_user(folder);
  }
  cluster.sql("CREATE TABLESPACE outside LOCATION '" + (scratch.path() / "outside").string() + "'");
  cluster.sql("CREATE TABLESPACE inside LOCATION '" + (cluster.data_directory() / "inside").string() + "'");
  cluster.sql("CREATE TABLE far AS SELECT i, repeat('far', 20) FROM generate_series(1, 20000) i");
  cluster.sql("ALTER TABLE far SET TABLESPACE outside");
  cluster.sql(
      "CREATE TABLE near TABLESPACE inside AS SELECT i, repeat('near', 20) FROM generate_series(1, 20000) i");
  cluster.sql("CREATE UNLOGGED TABLE fleeting AS SELECT i FROM generate_series(1, 20000) i");
  postgres::Connection session = cluster.connect();
  session.query("CREATE TEMP TABLE passing AS SELECT i FROM generate_series(1, 1000) i");
  const std::string unlogged = cluster.sql("SELECT pg_relation_filepath('fleeting')");
  const std::string passing = session.query("SELECT pg_relation_filepath('passing')").value();
  std::filesystem::create_directory(cluster.data_directory() / "pg_tblspc" /
                                    cluster.sql("SELECT oid FROM pg_tablespace WHERE "
                                                "spcname = 'outside'") /
                                    "PG_14_202107181");

  const auto repository = make_repository(scratch.path() / "repository");
  const auto result = take_backup(backup_options(cluster, {repository}), {repository});
  const StoredBackup backup = load_backup(cluster, repository, result.header.id);
  const auto entries = entries_of(backup);
  EXPECT_EQ(find_entry(entries, unlogged), nullptr);
  EXPECT_NE(find_entry(entries, unlogged + "_init"), nullptr);
  EXPECT_EQ(find_entry(entries, passing), nullptr);
  EXPECT_EQ(find_entry(entries, "global/pg_control"), nullptr);
  EXPECT_EQ(find_entry(entries, "postmaster.pid"), nullptr);
  ASSERT_NE(find_entry(entries, "inside"), nullptr);
  for (const catalog::FileEntry& entry : entries) {
    EXPECT_FALSE(entry.path.starts_with("inside/")) << entry.path;
    EXPECT_EQ(entry.path.find("PG_14_"), std::string::npos) << entry.path;
    EXPECT_FALSE(entry.path.starts_with("pg_wal/0")) << entry.path;
  }
  EXPECT_NE(find_entry(entries, "pg_wal/archive_status"), nullptr);
  ASSERT_EQ(backup.manifest.tablespaces.size(), 2U);
  EXPECT_EQ(backup.manifest.tablespaces[0].location, (scratch.path() / "outside").string());

  const auto restored = restore_to_the_end(cluster, repository, result.header.id, scratch.path());
  for (const auto* table : {"far", "near"})
    EXPECT_EQ(restored->sql(fingerprint(table)), cluster.sql(fingerprint(table)));
  EXPECT_EQ(restored->sql("SELECT count(*) FROM fleeting"), "0");
  EXPECT_EQ(restored->sql("SELECT current_setting('server_version')"),
            cluster.sql("SELECT current_setting('server_version')"));
}

TEST(Backup, ToleratesFilesThatComeGrowShrinkAndGo) {
  const ScratchFolder scratch;
  const PostgresCluster cluster;
  make_pgbench_tables(cluster, 2);
  const auto repository = make_repository(scratch.path() / "repository");
  std::atomic<bool> done{false};
  std::thread churn([&] {
    auto connection = cluster.connect();
    for (int round = 0; !done; ++round) {
      const std::string table = "churn" + std::to_string(round % 5);
      connection.query("DROP TABLE IF EXISTS " + table);
      connection.query("CREATE TABLE " + table +
                       " AS SELECT i, repeat('c', 100) FROM generate_series(1, 20000) i");
      connection.query("DELETE FROM " + table + " WHERE i > 1000");
      connection.query("VACUUM " + table);  // cuts the file
      connection.query(
          "INSERT INTO pgbench_history SELECT 1, 1, i, 1, now(), '' FROM generate_series(1, 5000) i");
    }
  });
  backup::BackupResult result;
  for (int round = 0; round < 3; ++round)
    result = take_backup(backup_options(cluster, {repository}), {repository});
  done = true;
  churn.join();
  EXPECT_EQ(result.header.bad_page_count, 0U);
  const auto restored = restore_to_the_end(cluster, repository, result.header.id, scratch.path());
  for (const std::string& query : pgbench_fingerprints())
    EXPECT_EQ(restored->sql(query), cluster.sql(query)) << query;
  const std::string tables =
      "SELECT string_agg(relname || pg_relation_size(oid), ',' ORDER BY relname) FROM pg_class WHERE "
      "relname LIKE 'churn%'";
  EXPECT_EQ(restored->sql(tables), cluster.sql(tables));
}

TEST(Backup, StoresANamesABadPage) {
  const ScratchFolder scratch;
  PostgresCluster cluster;
  cluster.sql("CREATE TABLE victim AS SELECT i, repeat('v', 100) FROM generate_series(1, 20000) i");
  const std::string relation = cluster.sql("SELECT pg_relation_filepath('victim')");
  cluster.stop();
  constexpr std::uint32_t kBlock = 7;
  {
    std::fstream file(cluster.data_directory() / relation, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(kBlock * 8192 + 4000);
    file << "damage";
    file.seekp((kBlock + 2) * 8192);  // a position far beyond the server's, and nothing else
    file.write("\xFF\x7F\0\0\0\0\0\0", 8);
  }
  cluster.start();
  const auto repository = make_repository(scratch.path() / "repository");
  const auto result = take_backup(backup_options(cluster, {repository}), {repository});
  EXPECT_EQ(result.header.bad_page_count, 2U);
  ASSERT_EQ(result.bad_pages.size(), 2U);
  EXPECT_EQ(result.bad_pages[0].path, relation);
  EXPECT_EQ(result.bad_pages[0].block, kBlock);
  EXPECT_NE(result.bad_pages[0].found, result.bad_pages[0].expected);
  EXPECT_EQ(result.bad_pages[1].block, kBlock + 2);
  EXPECT_THAT(result.warnings, Contains(HasSubstr("2 pages are bad")));

  const StoredBackup backup = load_backup(cluster, repository, result.header.id);
  EXPECT_EQ(backup.manifest.bad_pages, result.bad_pages);
  auto reader = backup.reader();
  const auto entries = entries_of(backup);
  const auto* entry = find_entry(entries, relation);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(content_of(reader, *entry), disk::read_whole_file(cluster.data_directory() / relation));
}

TEST(Backup, StoresZerosForNothing) {
  const ScratchFolder scratch;
  const PostgresCluster cluster;
  const path sparse = cluster.data_directory() / "base" / "1" / "999999";
  write_text_file(sparse, "");
  std::filesystem::resize_file(sparse, (40U << 20) + 8192);
  const auto repository = make_repository(scratch.path() / "repository");
  const auto result = take_backup(backup_options(cluster, {repository}), {repository});
  const StoredBackup backup = load_backup(cluster, repository, result.header.id);
  const auto entries = entries_of(backup);
  const auto* entry = find_entry(entries, "base/1/999999");
  ASSERT_NE(entry, nullptr);
  ASSERT_EQ(entry->extents.size(), 41U);
  for (const catalog::Extent& extent : entry->extents) EXPECT_TRUE(extent.zero);
  EXPECT_EQ(entry->extents.back().plain_bytes, 8192U);
  auto reader = backup.reader();
  EXPECT_TRUE(pgdata::all_zero(content_of(reader, *entry)));
  EXPECT_EQ(result.header.bad_page_count, 0U);
}

TEST(Backup, GoesIntoEveryRepositoryUnderOneName) {
  const ScratchFolder scratch;
  const PostgresCluster cluster;
  cluster.sql("CREATE TABLE t AS SELECT i FROM generate_series(1, 50000) i");
  const std::vector repositories = {make_repository(scratch.path() / "plain"),
                                    make_repository(scratch.path() / "sealed", true)};
  auto options = backup_options(cluster, repositories);
  const auto result = take_backup(options, repositories);
  for (const auto& repository : repositories) {
    const path place = scratch.path() / ("from-" + repository->name());
    const auto restored = restore_to_the_end(cluster, repository, result.header.id, place);
    EXPECT_EQ(restored->sql(fingerprint("t")), cluster.sql(fingerprint("t"))) << repository->name();
  }
}

TEST(Backup, RemembersNames) {
  const ScratchFolder scratch;
  const PostgresCluster cluster;
  cluster.sql("CREATE DATABASE \"it's an odd \\ name\"");
  const std::string odd = backup::with_database(cluster.connection_string(), "it's an odd \\ name");
  postgres::Connection({odd}, {}).query("CREATE TABLE elsewhere (i int)");
  cluster.sql("CREATE SCHEMA shop");
  cluster.sql("CREATE TABLE shop.orders (i int)");
  const auto repository = make_repository(scratch.path() / "repository");
  const auto result = take_backup(backup_options(cluster, {repository}), {repository});
  EXPECT_TRUE(result.warnings.empty());
  const StoredBackup backup = load_backup(cluster, repository, result.header.id);
  const auto names = backup.store.find_names(result.header.id);
  ASSERT_TRUE(names);
  std::map<std::string, std::uint32_t> found;
  for (const catalog::RelationName& relation : names->relations)
    found[relation.schema + "." + relation.name] = relation.filenode;
  EXPECT_EQ(std::to_string(found["shop.orders"]), cluster.sql("SELECT pg_relation_filenode('shop.orders')"));
  EXPECT_EQ(std::to_string(found["pg_catalog.pg_class"]),
            cluster.sql("SELECT pg_relation_filenode('pg_class')"));
  EXPECT_EQ(std::to_string(found["pg_catalog.pg_database"]),
            cluster.sql("SELECT pg_relation_filenode('pg_database')"));
  EXPECT_TRUE(found.contains("public.elsewhere"));
}

TEST(Backup, OfAStandbyRestores) {
  const ScratchFolder scratch;
  const PostgresCluster primary;
  primary.sql("CREATE TABLE t AS SELECT i FROM generate_series(1, 50000) i");
  const auto standby = PostgresCluster::standby_of(primary);
  primary.sql("CHECKPOINT");
  const std::string target = primary.sql("SELECT pg_current_wal_insert_lsn()");
  ASSERT_TRUE(
      eventually([&] { return standby->sql("SELECT pg_last_wal_replay_lsn() >= '" + target + "'") == "t"; }));
  const auto repository = make_repository(scratch.path() / "repository");
  auto options = backup_options(*standby, {repository});
  options.ensure_wal_archived = [&](const backup::WalNeed& need) {
    primary.sql("SELECT pg_switch_wal()");
    repository::WalArchive archive = archive_of(primary, repository);
    archive_finished_segments(primary, archive);
    EXPECT_GE(archive.contiguous_end(need.timeline, need.start), need.stop);
  };
  const auto result = take_backup(options, {repository});
  EXPECT_TRUE(result.header.from_standby);
  EXPECT_FALSE(result.header.backup_end.valid());
  const auto restored = restore_to_the_end(primary, repository, result.header.id, scratch.path());
  EXPECT_EQ(restored->sql(fingerprint("t")), primary.sql(fingerprint("t")));
}

TEST(Backup, OfEverySupportedMajorRestores) {
  for (const int major : {13, 14, 16, 17, 18}) {
    if (!server_available(major)) continue;
    SCOPED_TRACE(major);
    const ScratchFolder scratch;
    const PostgresCluster cluster({.major = major});
    cluster.sql("CREATE TABLE t AS SELECT i FROM generate_series(1, 50000) i");
    const auto repository = make_repository(scratch.path() / "repository");
    const auto result = take_backup(backup_options(cluster, {repository}), {repository});
    const auto restored = restore_to_the_end(cluster, repository, result.header.id, scratch.path());
    EXPECT_EQ(restored->sql(fingerprint("t")), cluster.sql(fingerprint("t")));
  }
}

}  // namespace
}  // namespace tidemark::test
