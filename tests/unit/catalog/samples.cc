#include "samples.h"

namespace tidemark::catalog {

Instant at(std::int64_t microseconds) {
  return *Instant::parse_iso("2026-11-22T03:00:00.000000Z") + Microseconds(microseconds);
}

BackupId backup_id(int number) {
  return BackupId(at(number * 60'000'000LL), static_cast<std::uint16_t>(number));
}

BackupHeader sample_header(int number) {
  BackupHeader header;
  header.id = backup_id(number);
  header.timeline = TimelineId(2);
  header.start = Lsn(0x3000028);
  header.backup_end = Lsn(0x3000100);
  header.stop = Lsn(0x3000128);
  header.started = at(1);
  header.finished = at(2'000'000);
  header.bytes = 123456789012;
  header.stored_bytes = 23456789012;
  header.new_bytes = 23456789;
  header.file_count = 1042;
  header.extent_count = 120000;
  header.server_version_number = 150018;
  header.bad_page_count = 1;
  return header;
}

Incarnation sample_incarnation() { return {"main", 15, SystemId(7123456789012345678ULL)}; }

Manifest sample_manifest() {
  Manifest manifest;
  manifest.header = sample_header(7);
  manifest.header.kind = BackupKind::incremental;
  manifest.header.parent = backup_id(3);
  manifest.system_id = SystemId(7123456789012345678ULL);
  manifest.control_version = 1300;
  manifest.catalog_version = 202209061;
  manifest.segment_bytes = 16U << 20;
  manifest.data_checksums = true;
  manifest.backup_label = "START WAL LOCATION: 0/3000028 (file 000000010000000000000003)\n";
  manifest.tablespace_map = "16385 /srv/ts\n";
  manifest.control_file = Bytes(8192, 0x5A);
  manifest.tablespaces = {{16385, "/srv/ts", false}, {16390, "pg_tblspc/16390", true}};
  manifest.bad_pages = {{"base/5/16384", 77, 0x1234, 0x4321, Lsn(0x2FFFFF8)}};
  manifest.owners = {backup_id(7), backup_id(3)};
  manifest.packs = {{0, 0, 1000, 900}, {1, 4, 33554432, 12345678}};
  manifest.parts = {{1, 0, "", {1, 2}}, {0, 0, "base/5/2619", {3, 4}}};
  return manifest;
}

Checkpoint sample_checkpoint() {
  Checkpoint checkpoint;
  checkpoint.time = at(99);
  Inventory& inventory = checkpoint.inventory;
  inventory.incarnation = sample_incarnation();
  inventory.histories.emplace(TimelineId(2),
                              wal::TimelineHistory::parse(TimelineId(2), "1\t0/5000000\tno reason\n"));
  inventory.wal = {{TimelineId(1), Lsn(0x1000000), Lsn(0x5000000), at(1), at(5), true, 4321},
                   {TimelineId(2), Lsn(0x5000000), Lsn(0x6000000), std::nullopt, std::nullopt, true, 99},
                   {TimelineId(2), Lsn(0x7000000), Lsn(0x7800000), std::nullopt, std::nullopt, false, 12}};
  inventory.backups = {sample_header(1), sample_header(2)};
  inventory.begun = {{backup_id(9), backup_id(2), TimelineId(2), Lsn(0x7000028), at(77)}};
  inventory.idle_proofs = {{at(66), Lsn(0x7700000), TimelineId(2)}};
  inventory.acknowledged_gaps = {{TimelineId(2), Lsn(0x6000000), Lsn(0x7000000)}};
  inventory.keep_until = {{backup_id(1), at(1'000'000)}};
  inventory.verified_at = {{backup_id(2), at(5)}};
  inventory.tails[TimelineId(2)] = {Lsn(0x7700000), Lsn(0x7700040), at(44)};
  checkpoint.wal_positions = {{TimelineId(1), "00000000/000000010000000000000004"},
                              {TimelineId(2), "00000000/x"}};
  checkpoint.last_backup = backup_id(9);
  checkpoint.last_mark = at(98);
  return checkpoint;
}

std::vector<FileEntry> sample_entries() {
  std::vector<FileEntry> entries(5);
  entries[0] = {EntryKind::folder, "", 0, 0700, "postgres", "postgres", at(0), "", 0, {}};
  entries[1] = {EntryKind::file, "base/1/1259", 0, 0600, "postgres", "postgres", at(5), "", 0, {}};
  entries[2] = {EntryKind::file,
                "base/1/2600",
                3 * kExtentBytes + 100,
                0600,
                "postgres",
                "postgres",
                at(-5),
                "",
                0,
                {}};
  entries[2].extents = {
      {{1, 2}, kExtentBytes, false, {0, 0, 0, 64, 4000}, {}},
      {{3, 4}, kExtentBytes, false, {0, 0, 1, 4064, 5000}, {{{0, 3, 9, 77, 512}, {0, 5, 127}}}},
      {{}, kExtentBytes, true, {}, {}},
      {{5, 6}, 100, false, {1, 7, 3, 123456, 90}, {}}};
  entries[3] = {
      EntryKind::file, "base/1/2601", 9 * kExtentBytes, 0640, "postgres", "staff", at(7), "", 6, {}};
  entries[3].extents = {{{7, 8}, kExtentBytes, false, {1, 7, 4, 123546, 1 << 20}, {}},
                        {{9, 9}, 5, false, {1, 8, 0, 64, 1}, {}}};
  entries[4] = {EntryKind::symlink, "pg_tblspc/16385", 0, 0777, "postgres", "staff", at(7), "/srv/ts", 0, {}};
  return entries;
}

Bytes sample_part() {
  PartBuilder builder;
  for (const FileEntry& entry : sample_entries()) builder.add(entry);
  return builder.finish();
}

std::vector<FileEntry> read_part(ByteView bytes) {
  PartReader reader(bytes);
  std::vector<FileEntry> entries;
  while (auto entry = reader.next()) entries.push_back(std::move(*entry));
  return entries;
}

}  // namespace tidemark::catalog
