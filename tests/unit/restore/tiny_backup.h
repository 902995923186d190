#pragma once
// A backup of a made-up data directory in a repository in memory: every kind of entry, holes, a file in
// slices, a tablespace. Enough for everything before a server starts.

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "catalog/parts.h"
#include "codec/keys.h"
#include "repository/backup_store.h"
#include "restore/planning.h"
#include "restore/prepare_target.h"
#include "store/memory_store.h"
#include "tidemark/checksum.h"

namespace tidemark::test {

inline Bytes tiny_control_file() {
  Bytes content(8192);
  store_le<std::uint64_t>(content.data(), 7'000'000'000'000'000'001ULL);
  store_le<std::uint32_t>(content.data() + 8, 1300);
  store_le<std::uint32_t>(content.data() + 12, 202209061);
  store_le<std::uint32_t>(content.data() + 16, 6);
  store_le<std::int32_t>(content.data() + 180, 100);
  store_le<std::uint32_t>(content.data() + 216, 8192);
  store_le<std::uint32_t>(content.data() + 220, 131072);
  store_le<std::uint32_t>(content.data() + 224, 8192);
  store_le<std::uint32_t>(content.data() + 228, 16U << 20);
  store_le<std::uint32_t>(content.data() + 288, crc32c(ByteView(content).first(288)));
  return content;
}

struct TinyBackup {
  store::MemoryStore* store = nullptr;  // owned by the repository
  std::shared_ptr<repository::Repository> repository;
  catalog::Incarnation incarnation{"main", 15, SystemId(7'000'000'000'000'000'001ULL)};
  catalog::Manifest manifest;
  std::map<std::string, Bytes> files;  // path in the backup to content
  std::string original_tablespace = "/nowhere/space";

  // `long_file`: one with more extents than a worker's slice, which takes its time.
  explicit TinyBackup(std::uint64_t wrong_size_by = 0, bool long_file = true) : long_file_(long_file) {
    auto memory = std::make_shared<store::MemoryStore>();
    store = memory.get();
    repository::RepositoryOptions options;
    options.name = "memory";
    repository = repository::Repository::create(memory, options);
    fill();
    save(wrong_size_by);
  }

  restore::ChosenSource chosen() const {
    restore::ChosenSource chosen;
    chosen.source = {repository, incarnation};
    chosen.archive = std::make_shared<repository::WalArchive>(repository, incarnation, wal::SegmentSize());
    catalog::RestorePlan& plan = chosen.planned.plan;
    plan.backup = manifest.header;
    plan.timeline = TimelineId(1);
    plan.path = {{TimelineId(1), Lsn(), Lsn(UINT64_MAX)}};
    plan.stop = {Lsn(0x3000028), false, catalog::StopReason::stopper};
    plan.wal_from = manifest.header.start;
    plan.wal_to = Lsn(0x3000060);
    plan.pause_is_safe = true;
    plan.file_bytes = manifest.header.bytes;
    return chosen;
  }

 private:
  bool long_file_;
  static Bytes noise(std::size_t size, std::uint32_t seed) {
    std::mt19937 random(seed);
    Bytes bytes(size);
    for (Byte& byte : bytes) byte = static_cast<Byte>(random());
    return bytes;
  }
  static Bytes text(std::string_view content) { return Bytes(content.begin(), content.end()); }

  void fill() {
    files["PG_VERSION"] = text("15\n");
    files["postgresql.conf"] = text("data_directory = '/prod'\nport = 5432\n");
    files["postgresql.auto.conf"] = text("restore_command = 'old'\nwork_mem = '5MB'\n");
    files["global/1262"] = noise(8192, 1);
    files["empty"] = {};
    Bytes holed = noise(5 << 19, 2);
    std::fill(holed.begin() + (1 << 20), holed.begin() + (2 << 20), Byte{0});
    files["base/5/16384"] = holed;
    Bytes long_file(long_file_ ? 18U << 20
                               : 6U << 20);  // more extents than a slice has; nearly all of it holes
    const Bytes tail = noise(1 << 20, 3);
    std::copy(tail.begin(), tail.end(), long_file.end() - (1 << 20));
    files["base/5/16385"] = long_file;
    Bytes ends_in_zeros = noise(2 << 20, 4);
    std::fill(ends_in_zeros.begin() + (1 << 20), ends_in_zeros.end(), Byte{0});
    files["base/5/16386"] = ends_in_zeros;
    files["pg_tblspc/16400/PG_15_202209061/5/16500"] = noise(8192, 5);
  }

  catalog::Extent add_extent(repository::PackWriter& pack, ByteView plain) const {
    catalog::Extent extent;
    extent.plain_bytes = static_cast<std::uint32_t>(plain.size());
    extent.zero = std::all_of(plain.begin(), plain.end(), [](Byte byte) { return byte == 0; });
    if (extent.zero) return extent;
    extent.hash = xxh3_128(plain, repository->hash_seed());
    extent.base = pack.add(plain, extent.hash);
    return extent;
  }

  void save(std::uint64_t wrong_size_by) {
    repository::BackupStore backups(repository, incarnation);
    const BackupId id(Instant::from_unix(1'800'000'000'000'000), 7);
    std::uint32_t packs = 0;
    repository::PackWriter pack(*repository, incarnation, id, 32U << 20, [&] { return packs++; });
    std::map<std::string, catalog::FileEntry> entries;
    for (const char* folder : {"base", "base/5", "global", "pg_tblspc", "pg_tblspc/16400/PG_15_202209061",
                               "pg_tblspc/16400/PG_15_202209061/5", "pg_wal"}) {
      entries[folder].kind = catalog::EntryKind::folder;
      entries[folder].mode = 0700;
    }
    entries["pg_tblspc/16400"].kind = catalog::EntryKind::symlink;
    entries["pg_tblspc/16400"].link_target = original_tablespace;
    for (const auto& [path, content] : files) {
      catalog::FileEntry& entry = entries[path];
      entry.mode = 0600;
      entry.size_bytes = content.size() + (path == "global/1262" ? wrong_size_by : 0);
      manifest.header.bytes += content.size();
      for (std::size_t at = 0; at < content.size(); at += catalog::kExtentBytes) {
        entry.extents.push_back(
            add_extent(pack, ByteView(content).subspan(
                                 at, std::min<std::size_t>(catalog::kExtentBytes, content.size() - at))));
      }
    }
    // Two parts, the long file cut between them.
    catalog::PartBuilder builder;
    std::uint32_t number = 0;
    const auto end_part = [&] {
      const std::string first = builder.first_path();
      const Bytes part = builder.finish();
      backups.put_part(id, number, part);
      manifest.parts.push_back({0, number++, first, xxh3_128(part, repository->hash_seed())});
    };
    for (auto& [path, entry] : entries) {
      entry.path = path;
      if (path != "base/5/16385") {
        builder.add(entry);
        continue;
      }
      catalog::FileEntry rest = entry;
      rest.first_extent = 5;
      rest.extents.erase(rest.extents.begin(), rest.extents.begin() + 5);
      entry.extents.resize(5);
      builder.add(entry);
      end_part();
      builder.add(rest);
    }
    end_part();
    const auto finished = pack.finish();
    backups.put_pack(finished);
    manifest.packs.push_back({0, finished.number, finished.bytes.size(), finished.live_bytes});
    fill_manifest(id);
    backups.put_manifest(manifest);
  }

  void fill_manifest(const BackupId& id) {
    manifest.header.id = id;
    manifest.header.timeline = TimelineId(1);
    manifest.header.start = Lsn(0x2000028);
    manifest.header.backup_end = Lsn(0x2000100);
    manifest.header.stop = Lsn(0x2000128);
    manifest.header.server_version_number = 150018;
    manifest.header.file_count = files.size();
    manifest.system_id = incarnation.system_id;
    manifest.control_version = 1300;
    manifest.catalog_version = 202209061;
    manifest.segment_bytes = 16U << 20;
    manifest.backup_label = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n";
    manifest.tablespace_map = "16400 " + original_tablespace + "\n";
    manifest.control_file = tiny_control_file();
    manifest.tablespaces = {{16400, original_tablespace, false}};
    manifest.owners = {id};
  }
};

}  // namespace tidemark::test
