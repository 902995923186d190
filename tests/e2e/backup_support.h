#pragma once
// For tests of backups: a repository, an archiver that copies finished segments out of pg_wal, and a restorer
// that needs nothing but a manifest.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backup/backup_job.h"
#include "catalog/parts.h"
#include "disk/directory_walk.h"
#include "disk/durable_ops.h"
#include "disk/file_reader.h"
#include "harness/cluster_template.h"
#include "harness/postgres_cluster.h"
#include "harness/program.h"
#include "pgdata/backup_label.h"
#include "pgdata/control_file.h"
#include "repository/backup_store.h"
#include "repository/wal_archive.h"
#include "store/posix_store.h"
#include "tidemark/error.h"

namespace tidemark::test {

using std::filesystem::path;

inline std::shared_ptr<repository::Repository> make_repository(const path& folder, bool encrypted = false,
                                                               disk::DurableOps& ops = disk::real_ops()) {
  repository::RepositoryOptions options;
  options.name = folder.filename().string();
  if (encrypted) options.key_file = Bytes(32, 0x5A);
  return repository::Repository::create(store::open_posix_store(folder, ops), options);
}

inline pgdata::ControlFile control_of(const path& data_directory) {
  const auto control =
      pgdata::parse_control_file(disk::read_whole_file(data_directory / "global" / "pg_control"));
  if (!control) throw Error(ErrorKind::corrupt, "torn pg_control");
  return *control;
}

inline repository::WalArchive archive_of(const PostgresCluster& cluster,
                                         const std::shared_ptr<repository::Repository>& repository) {
  const pgdata::ControlFile control = control_of(cluster.data_directory());
  const catalog::Incarnation incarnation{"main", control.major, control.system_id};
  return {repository, incarnation, *wal::SegmentSize::from_bytes(control.segment_bytes)};
}

// Every finished segment of pg_wal into the archive, those that are there already included.
inline void archive_finished_segments(const PostgresCluster& cluster, repository::WalArchive& archive) {
  const std::string current = cluster.sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())");
  for (const auto& entry : disk::list_folder(cluster.data_directory() / "pg_wal")) {
    const auto file = wal::parse_segment_file_name(entry.name, archive.segment_size());
    if (!file || entry.name >= current) continue;
    const Bytes bytes = disk::read_whole_file(cluster.data_directory() / "pg_wal" / entry.name);
    wal::WalIndex index;
    index.start = file->segment.start(archive.segment_size());
    index.end = file->segment.end(archive.segment_size());
    index.timeline = file->timeline;
    archive.store_segment(file->timeline, file->segment, bytes, index);
  }
}

// Options for a backup whose WAL is archived by the callback.
inline backup::BackupOptions backup_options(
    const PostgresCluster& cluster,
    const std::vector<std::shared_ptr<repository::Repository>>& repositories) {
  backup::BackupOptions options;
  options.connection.connection_string = cluster.connection_string();
  options.data_directory = cluster.data_directory();
  options.cluster = "main";
  options.ensure_wal_archived = [&cluster, repositories](const backup::WalNeed& need) {
    for (const auto& repository : repositories) {
      repository::WalArchive archive = archive_of(cluster, repository);
      archive_finished_segments(cluster, archive);
      EXPECT_GE(archive.contiguous_end(need.timeline, need.start), need.stop);
    }
  };
  return options;
}

inline backup::BackupResult take_backup(
    const backup::BackupOptions& options,
    const std::vector<std::shared_ptr<repository::Repository>>& repositories, const StopToken& stop = {}) {
  return backup::take_full_backup(options, repositories, no_progress(), stop, system_clock());
}

// A repository's whole knowledge of one backup.
struct StoredBackup {
  std::shared_ptr<repository::Repository> repository;
  repository::BackupStore store;
  catalog::Manifest manifest;
  repository::ExtentReader reader() const { return {repository, store.incarnation(), manifest.owners}; }
};
inline StoredBackup load_backup(const PostgresCluster& cluster,
                                const std::shared_ptr<repository::Repository>& repository,
                                const BackupId& id) {
  repository::BackupStore store(repository, archive_of(cluster, repository).incarnation());
  auto manifest = store.find_manifest(id);
  if (!manifest) throw Error(ErrorKind::not_found, "no manifest of " + id.to_string());
  return {repository, std::move(store), std::move(*manifest)};
}

// All entries of a backup, those of files cut by the end of a part joined.
inline std::vector<catalog::FileEntry> entries_of(const StoredBackup& backup) {
  std::vector<catalog::FileEntry> entries;
  for (const catalog::PartInfo& info : backup.manifest.parts) {
    const Bytes bytes = backup.store.get_part(backup.manifest, info);
    catalog::PartReader reader(bytes);
    bool first = true;
    while (auto entry = reader.next()) {
      if (std::exchange(first, false)) {
        EXPECT_EQ(entry->path, info.first_path);
      }
      if (entry->first_extent > 0) {
        EXPECT_EQ(entry->path, entries.back().path);
        EXPECT_EQ(entry->first_extent, entries.back().extents.size());
        for (auto& extent : entry->extents) entries.back().extents.push_back(std::move(extent));
        continue;
      }
      if (!entries.empty()) {
        EXPECT_LT(entries.back().path, entry->path) << "not in path order";
      }
      entries.push_back(std::move(*entry));
    }
  }
  return entries;
}

// Content of one file of a backup.
inline Bytes content_of(repository::ExtentReader& reader, const catalog::FileEntry& entry) {
  Bytes content;
  for (const catalog::Extent& extent : entry.extents) {
    const ByteView plain = reader.read(extent);
    content.insert(content.end(), plain.begin(), plain.end());
  }
  EXPECT_EQ(content.size(), entry.size_bytes) << entry.path;
  return content;
}

struct Materialised {
  path data_directory;
  std::map<std::uint32_t, path> tablespaces;
};

// Writes the backup below `scratch`, tablespaces beside it, everything belonging to the server's user.
inline Materialised materialise(const StoredBackup& backup, const path& scratch) {
  const catalog::Manifest& manifest = backup.manifest;
  Materialised made{scratch / "restored", {}};
  std::filesystem::create_directories(made.data_directory);
  repository::ExtentReader reader = backup.reader();
  const auto write = [&](const path& file, std::string_view content) {
    write_text_file(file, std::string(content));
    give_to_server_user(file);
  };
  give_to_server_user(made.data_directory);
  for (const catalog::FileEntry& entry : entries_of(backup)) {
    const path at = made.data_directory / entry.path;
    if (entry.kind == catalog::EntryKind::symlink) {
      const path moved = scratch / ("tablespace-" + at.filename().string());
      std::filesystem::create_directories(moved);
      give_to_server_user(moved);
      std::filesystem::create_directory_symlink(moved, at);
      made.tablespaces[static_cast<std::uint32_t>(std::stoul(at.filename().string()))] = moved;
    } else if (entry.kind == catalog::EntryKind::folder) {
      std::filesystem::create_directory(at);
      give_to_server_user(at);
      EXPECT_EQ(::chmod(at.c_str(), entry.mode), 0);
    } else {
      write(at, as_text(content_of(reader, entry)));
      EXPECT_EQ(::chmod(at.c_str(), entry.mode), 0);
    }
  }
  EXPECT_EQ(::chmod(made.data_directory.c_str(), 0700), 0);
  write(made.data_directory / "global" / "pg_control", as_text(manifest.control_file));
  write(made.data_directory / "backup_label", manifest.backup_label);
  if (!manifest.tablespace_map.empty()) {
    auto map = pgdata::parse_tablespace_map(manifest.tablespace_map);
    for (auto& tablespace : map) tablespace.path = made.tablespaces.at(tablespace.oid).string();
    write(made.data_directory / "tablespace_map", pgdata::render_tablespace_map(map));
  }
  return made;
}

// The WAL of the archive from the backup's start on, so that a server started there replays all of it.
inline void fill_pg_wal(const repository::WalArchive& archive, const catalog::Manifest& manifest,
                        const path& data_directory) {
  const auto size = archive.segment_size();
  for (auto segment = wal::segment_of_start(manifest.header.start, size);; segment = segment.next()) {
    const auto content = archive.read_segment(manifest.header.timeline, segment);
    if (!content) break;
    const path file =
        data_directory / "pg_wal" / wal::segment_file_name(manifest.header.timeline, segment, size);
    write_text_file(file, std::string(as_text(content->bytes)));
    give_to_server_user(file);
    EXPECT_EQ(::chmod(file.c_str(), 0600), 0);
  }
}

// Switches WAL, archives everything, restores the backup into `scratch` and starts a server that replays to
// the end.
inline std::unique_ptr<RestoredServer> restore_to_the_end(
    const PostgresCluster& cluster, const std::shared_ptr<repository::Repository>& repository,
    const BackupId& id, const path& scratch) {
  cluster.sql("SELECT pg_switch_wal()");
  repository::WalArchive archive = archive_of(cluster, repository);
  archive_finished_segments(cluster, archive);
  const StoredBackup backup = load_backup(cluster, repository, id);
  const Materialised made = materialise(backup, scratch);
  fill_pg_wal(archive, backup.manifest, made.data_directory);
  return std::make_unique<RestoredServer>(made.data_directory, cluster.major());
}

}  // namespace tidemark::test
