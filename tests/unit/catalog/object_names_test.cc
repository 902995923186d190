#include "catalog/object_names.h"
#include "catalog/mark.h"

#include <gtest/gtest.h>

#include "samples.h"
#include "tidemark/object_store.h"

namespace tidemark::catalog {
namespace {

const wal::SegmentSize k16M;
const wal::SegmentSize k1M = *wal::SegmentSize::from_bytes(1U << 20);
const std::string kRoot = "clusters/main/15-7123456789012345678/";

TEST(ObjectNames, AreAsTheFormatSays) {
  const Incarnation in = sample_incarnation();
  const BackupId id = *BackupId::parse("20261122T030456Z-1f3a");
  const TimelineId tli(0x1A);
  EXPECT_EQ(key_name(3), "keys/3");
  EXPECT_EQ(in.folder(), kRoot);
  EXPECT_EQ(identity_name(in, 1), kRoot + "identity/1");
  EXPECT_EQ(segment_name(in, tli, wal::SegmentNo(0x1FF), k16M),
            kRoot + "wal/0000001A/00000001/0000001A00000001000000FF");
  EXPECT_EQ(piece_name(in, tli, Lsn(0x1'0300'0028), Lsn(0x1'0300'0100), k16M),
            kRoot + "wal/0000001A/00000001/0000001A0000000100000003.0000000103000028-0000000103000100");
  EXPECT_EQ(open_segment_name(in, tli, Lsn(0x0300'0000), k16M),
            kRoot + "wal/0000001A/00000000/0000001A0000000000000003.open.0000000003000000");
  EXPECT_EQ(log_index_name(in, tli, 0x2B, 1), kRoot + "wal/0000001A/0000002B/index.1");
  EXPECT_EQ(history_name(in, tli), kRoot + "wal/0000001A/history");
  EXPECT_EQ(claim_name(in, tli), kRoot + "wal/0000001A/claim");
  EXPECT_EQ(begun_name(in, id), kRoot + "backups/20261122T030456Z-1f3a/begun");
  EXPECT_EQ(pack_name(in, id, 12), kRoot + "backups/20261122T030456Z-1f3a/packs/00000012");
  EXPECT_EQ(part_name(in, id, 0), kRoot + "backups/20261122T030456Z-1f3a/parts/00000000");
  EXPECT_EQ(names_name(in, id), kRoot + "backups/20261122T030456Z-1f3a/names");
  EXPECT_EQ(manifest_name(in, id), kRoot + "backups/20261122T030456Z-1f3a/manifest");
  EXPECT_EQ(manifest_copy_name(in, id), kRoot + "backups/20261122T030456Z-1f3a/manifest.copy");
  EXPECT_EQ(mark_name(in, at(123456), "idle", 0xAB), kRoot + "marks/20261122T030000.123456Z-idle-000000ab");
}

TEST(ObjectNames, AreAllValidForAStore) {
  const Incarnation in = sample_incarnation();
  for (const std::string& name :
       {piece_name(in, TimelineId(1), Lsn(0x28), Lsn(0x30), k16M),
        open_segment_name(in, TimelineId(1), Lsn(0), k16M), checkpoint_name(in, at(0), 7),
        mark_name(in, at(0), kMarkReceipt, 1), manifest_copy_name(in, backup_id(1)),
        std::string(kRepositoryFile), key_name(1), history_name(in, TimelineId(9))}) {
    EXPECT_TRUE(object_name_valid(name)) << name;
  }
}

TEST(IncarnationFolder, ParsesItsOwn) { EXPECT_EQ(parse_incarnation_folder(kRoot), sample_incarnation()); }

TEST(IncarnationFolder, RefusesOthers) {
  for (const char* bad :
       {"", "clusters/", "clusters/main/", "clusters/main/15-7/x", "clusters/main/15-7", "main/15-7/",
        "clusters/Main/15-7/", "clusters/-a/15-7/", "clusters/main/15/", "clusters/main/015-7/",
        "clusters/main/0-7/", "clusters/main/15-07/", "clusters/main/15--7/",
        "clusters/main/15-99999999999999999999/", "clusters/a/b/15-7/"}) {
    EXPECT_FALSE(parse_incarnation_folder(bad)) << bad;
  }
}

TEST(ClusterName, Rules) {
  for (const char* good : {"main", "0", "a-b_c9"}) EXPECT_TRUE(cluster_name_valid(good)) << good;
  for (const char* bad : {"", "-a", "_a", "A", "a.b", "a/b", "\xC3\xA4"})
    EXPECT_FALSE(cluster_name_valid(bad)) << bad;
  EXPECT_TRUE(cluster_name_valid(std::string(63, 'a')));
  EXPECT_FALSE(cluster_name_valid(std::string(64, 'a')));
}

TEST(WalObjectName, ParsesWhatItComposes) {
  const Incarnation in = sample_incarnation();
  for (const wal::SegmentSize size : {k16M, k1M}) {
    const Lsn start(0x2'0010'0000), end = start + 4096;
    const auto segment = parse_wal_object_name(
        in, segment_name(in, TimelineId(3), wal::segment_of_start(start, size), size), size);
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->kind, wal::RangeKind::segment);
    EXPECT_EQ(segment->start, segment->segment.start(size));
    EXPECT_EQ(segment->end, segment->segment.end(size));
    const auto piece = parse_wal_object_name(in, piece_name(in, TimelineId(3), start, end, size), size);
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->kind, wal::RangeKind::piece);
    EXPECT_EQ(piece->start, start);
    EXPECT_EQ(piece->end, end);
    EXPECT_EQ(piece->timeline, TimelineId(3));
    const auto open = parse_wal_object_name(in, open_segment_name(in, TimelineId(3), start, size), size);
    ASSERT_TRUE(open);
    EXPECT_EQ(open->kind, wal::RangeKind::open);
    EXPECT_EQ(open->start, start);
    EXPECT_EQ(open->end, Lsn());
  }
}

TEST(WalObjectName, APieceMayEndWithItsSegment) {
  const Incarnation in = sample_incarnation();
  const auto piece =
      parse_wal_object_name(in, piece_name(in, TimelineId(1), Lsn(0x1FFFFF8), Lsn(0x2000000), k16M), k16M);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->segment, wal::SegmentNo(1));
}

TEST(WalObjectName, RefusesOthers) {
  const std::string log = kRoot + "wal/00000001/00000000/";
  for (const std::string& bad : std::initializer_list<std::string>{
           log,
           log + "index.1",
           log + "00000001000000000000000",
           log + "000000010000000000000003x",
           log + "00000001000000000000000a",
           log + "000000020000000000000003",
           log + "000000010000000100000003",
           log + "000000010000000000000100",                   // no such segment of 16 MB in a log
           log + "000000010000000000000003.0000000003000028",  // no end
           log + "000000010000000000000003.0000000003000100-0000000003000028",  // backwards
           log + "000000010000000000000003.0000000003000028-0000000003000028",  // empty
           log + "000000010000000000000003.0000000002FFFFF8-0000000003000028",  // begins before the segment
           log + "000000010000000000000003.0000000003000028-0000000004000008",  // ends behind it
           log + "000000010000000000000003.0000000003000028-00000000030000F0.tmp",
           log + "000000010000000000000003.00000000030000ab-00000000030000F0",
           log + "000000010000000000000003.open.0000000004000000",
           log + "000000010000000000000003.open.",
           log + "000000010000000000000003.open",
           kRoot + "wal/00000001/000000010000000000000003",
           kRoot + "wal/00000001/history",
           kRoot + "wal/1/00000000/000000010000000000000003",
           std::string("wal/00000001/00000000/000000010000000000000003")}) {
    EXPECT_FALSE(parse_wal_object_name(sample_incarnation(), bad, k16M)) << bad;
  }
}

TEST(WalObjectName, DependsOnTheSegmentSize) {
  const std::string name = kRoot + "wal/00000001/00000000/000000010000000000000FFF";
  EXPECT_FALSE(parse_wal_object_name(sample_incarnation(), name, k16M));
  EXPECT_TRUE(parse_wal_object_name(sample_incarnation(), name, k1M));
}

TEST(TimelineFolder, Parses) {
  const Incarnation in = sample_incarnation();
  EXPECT_EQ(parse_timeline_folder(in, timeline_folder(in, TimelineId(0xAB))), TimelineId(0xAB));
  for (const char* bad :
       {"wal/0000000A", "wal/0000000a/", "wal/00000000/", "wal/A/", "wal/0000000A/x/", "wal/"}) {
    EXPECT_FALSE(parse_timeline_folder(in, kRoot + bad)) << bad;
  }
}

TEST(CheckpointName, NewestSortsFirst) {
  const Incarnation in = sample_incarnation();
  EXPECT_LT(checkpoint_name(in, at(2), 0), checkpoint_name(in, at(1), 0));
  EXPECT_LT(checkpoint_name(in, at(1), 0), checkpoint_name(in, Instant(), 0));
  EXPECT_LT(checkpoint_name(in, Instant(), 0), checkpoint_name(in, Instant::from_postgres(-1), 0));
}

TEST(CheckpointName, Parses) {
  const Incarnation in = sample_incarnation();
  const std::string name = checkpoint_name(in, at(77), 0xBEEF).substr(checkpoints_folder(in).size());
  EXPECT_EQ(parse_checkpoint_name(name), at(77));
  for (const std::string& bad :
       {std::string(), name + "0", name.substr(1), std::string(name).replace(16, 1, "_"),
        std::string(name).replace(0, 1, "G")}) {
    EXPECT_FALSE(parse_checkpoint_name(bad)) << bad;
  }
}

TEST(BackupObjectName, ParsesWhatItComposes) {
  const Incarnation in = sample_incarnation();
  const BackupId id = backup_id(4);
  const auto pack = parse_backup_object_name(in, pack_name(in, id, 7));
  ASSERT_TRUE(pack);
  EXPECT_EQ(pack->kind, BackupObjectKind::pack);
  EXPECT_EQ(pack->number, 7U);
  EXPECT_EQ(pack->id, id);
  EXPECT_EQ(parse_backup_object_name(in, part_name(in, id, 7))->kind, BackupObjectKind::part);
  EXPECT_EQ(parse_backup_object_name(in, begun_name(in, id))->kind, BackupObjectKind::begun);
  EXPECT_EQ(parse_backup_object_name(in, names_name(in, id))->kind, BackupObjectKind::names);
  EXPECT_EQ(parse_backup_object_name(in, manifest_name(in, id))->kind, BackupObjectKind::manifest);
  EXPECT_EQ(parse_backup_object_name(in, manifest_copy_name(in, id))->kind, BackupObjectKind::manifest_copy);
  for (const char* bad : {"packs/7", "packs/0000000x", "packs/", "manifest.old", "", "parts/00000007/x"}) {
    EXPECT_FALSE(parse_backup_object_name(in, backup_folder(in, id) + bad)) << bad;
  }
  EXPECT_FALSE(parse_backup_object_name(in, kRoot + "backups/yesterday/manifest"));
}

}  // namespace
}  // namespace tidemark::catalog
