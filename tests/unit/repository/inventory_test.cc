// What is read through a checkpoint must be what a full listing finds, whatever happened in between.
#include "repository/inventory_reading.h"

#include "repository/backup_store.h"
#include "sample.h"

namespace tidemark::repository {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20;
const Lsn kLogEnd(1ULL << 32);
const Lsn kStart = kLogEnd - 3 * kMegabyte;

Instant at_second(std::int64_t second) {
  return Instant::from_postgres(800'000'000'000'000 + second * 1'000'000);
}

catalog::Manifest manifest_of(const BackupId& id, Lsn start) {
  catalog::Manifest manifest;
  manifest.header.id = id;
  manifest.header.timeline = kTimeline;
  manifest.header.start = start;
  manifest.header.backup_end = start + 100;
  manifest.header.stop = start + 200;
  manifest.header.server_version_number = 150018;
  manifest.system_id = kIncarnation.system_id;
  manifest.owners = {id};
  return manifest;
}

catalog::Begun begun_of(const BackupId& id, Lsn start) { return {id, {}, kTimeline, start, at_second(0)}; }

// Rows differ by how often the WAL was summarized; what they cover must not.
std::vector<catalog::WalStretch> covered(std::vector<catalog::WalStretch> stretches) {
  std::vector<catalog::WalStretch> joined;
  for (catalog::WalStretch& stretch : stretches) {
    stretch.summarized = false;
    stretch.earliest.reset();
    stretch.latest.reset();
    const bool joins = !joined.empty() && joined.back().timeline == stretch.timeline &&
                       joined.back().end == stretch.start &&
                       joined.back().start.value() >> 32 == stretch.start.value() >> 32;
    if (joins) {
      joined.back().end = stretch.end;
      joined.back().stored_bytes += stretch.stored_bytes;
    } else {
      joined.push_back(stretch);
    }
  }
  return joined;
}

void expect_same(const catalog::Inventory& left, const catalog::Inventory& right) {
  EXPECT_EQ(left.incarnation, right.incarnation);
  EXPECT_EQ(left.segment_size, right.segment_size);
  EXPECT_EQ(left.repository, right.repository);
  EXPECT_EQ(covered(left.wal), covered(right.wal));
  EXPECT_EQ(left.backups, right.backups);
  EXPECT_EQ(left.begun, right.begun);
  EXPECT_EQ(left.idle_proofs, right.idle_proofs);
  EXPECT_EQ(left.acknowledged_gaps, right.acknowledged_gaps);
  EXPECT_EQ(left.keep_until, right.keep_until);
  EXPECT_EQ(left.verified_at, right.verified_at);
  ASSERT_EQ(left.histories.size(), right.histories.size());
  for (const auto& [timeline, history] : left.histories) {
    EXPECT_EQ(history.ancestors(), right.histories.at(timeline).ancestors());
  }
  ASSERT_EQ(left.tails.size(), right.tails.size());
  for (const auto& [timeline, tail] : left.tails) {
    EXPECT_EQ(tail.last_record, right.tails.at(timeline).last_record);
    EXPECT_EQ(tail.last_record_end, right.tails.at(timeline).last_record_end);
    EXPECT_EQ(tail.last_end_time, right.tails.at(timeline).last_end_time);
  }
}

// A life of an archive in random steps, each as a service would take them.
class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed) {}

  void step() {
    ++second_;
    switch (random_() % 8) {
      case 0:
      case 1:
        ship();
        break;
      case 2:
        finish_segment();
        break;
      case 3:
        begin_backup();
        break;
      case 4:
        finish_backup();
        break;
      case 5:
        put_some_mark();
        break;
      case 6:
        other_timeline();
        break;
      default:
        store_checkpoint(archive, at_second(second_));
        break;
    }
  }
  void compare() { expect_same(read_inventory(archive), rebuild_inventory(archive)); }

  const MemoryRepository memory;
  WalArchive archive = memory.archive();
  const SyntheticWal wal{kStart, 8 * kMegabyte};

 private:
  Lsn segment_end() const { return wal::segment_of_start(at_, kSmallSegments).end(kSmallSegments); }

  void ship() {
    const Lsn to = std::min(segment_end(), at_ + 1 + random_() % 300'000);
    if (at_ >= wal.end() || to > wal.end()) return;
    if (open_ == nullptr && random_() % 2 == 0) open_ = archive.open_segment(kTimeline, at_);
    if (open_) {
      open_->append(wal.bytes(at_, to), wal.index(at_, to));
      open_->sync();
    } else {
      wal.store_piece(archive, at_, to);
    }
    at_ = to;
    if (at_.value() % kMegabyte == 0) whole(wal::segment_of_end(at_, kSmallSegments));
  }
  void finish_segment() {
    if (segment_end() > wal.end()) return;
    const wal::SegmentNo segment = wal::segment_of_start(at_, kSmallSegments);
    at_ = segment_end();
    whole(segment);
  }
  void whole(wal::SegmentNo segment) {
    wal.store_segment(archive, segment);
    if (random_() % 4 != 0) archive.remove_superseded(kTimeline, segment);
    open_.reset();
  }
  void begin_backup() {
    const BackupId id(at_second(second_), static_cast<std::uint16_t>(random_()));
    BackupStore(memory.repository, kIncarnation).put_begun(begun_of(id, at_));
    running_.push_back(id);
  }
  void finish_backup() {
    if (running_.empty()) return;
    const std::size_t which = random_() % running_.size();
    BackupStore(memory.repository, kIncarnation).put_manifest(manifest_of(running_[which], at_));
    finished_.push_back(running_[which]);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  void put_some_mark() {
    const Instant now = at_second(second_);
    const BackupId id = finished_.empty() ? BackupId(now, 1) : finished_[random_() % finished_.size()];
    switch (random_() % 5) {
      case 0:
        put_mark(archive, now, catalog::kMarkIdleProof, catalog::IdleProof{now, at_, kTimeline}.serialize());
        break;
      case 1:
        put_mark(archive, now, catalog::kMarkPin,
                 catalog::Pin{id, now + Microseconds(random_() % 1000), "r"}.serialize());
        break;
      case 2:
        put_mark(archive, now, catalog::kMarkUnpin, catalog::Unpin{id}.serialize());
        break;
      case 3:
        put_mark(archive, now, catalog::kMarkGapAcknowledged,
                 catalog::AcknowledgedGap{kTimeline, Lsn(1), Lsn(2 + random_() % 3)}.serialize());
        break;
      default:
        put_mark(archive, now, catalog::kMarkVerify,
                 catalog::VerifyRun{id, now, 10, random_() % 2}.serialize());
        break;
    }
  }
  void other_timeline() {
    const TimelineId timeline(2 + static_cast<std::uint32_t>(random_() % 2));
    const wal::TimelineHistory history = wal::TimelineHistory::parse(
        timeline, "1\t" + (kStart + kMegabyte + 40).to_string() + "\tno recovery target specified\n");
    archive.store_history(history, history.render());
    const wal::SegmentNo segment(wal.first_segment().value() + 1 + random_() % 2);
    const Lsn from = segment.start(kSmallSegments), to = segment.end(kSmallSegments);
    if (random_() % 2 == 0 && segment.value() == wal.first_segment().value() + 1) {
      archive.store_segment(timeline, segment, wal.bytes(from, to), wal.index(from, to));
    } else {
      const Lsn piece_end = from + 50'000;
      archive.store_piece(timeline, from, wal.bytes(from, piece_end), wal.index(from, piece_end));
    }
  }

  std::mt19937_64 random_;
  std::int64_t second_ = 0;
  Lsn at_ = kStart;
  std::unique_ptr<OpenSegment> open_;
  std::vector<BackupId> running_, finished_;
};

TEST(Inventory, IsTheSameThroughACheckpointAndWithout) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed);
    for (int i = 0; i < 30; ++i) {
      life.step();
      life.compare();
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(Inventory, IsEmptyInTheBeginning) {
  const MemoryRepository memory;
  const catalog::Inventory inventory = read_inventory(memory.archive());
  EXPECT_TRUE(inventory.wal.empty());
  EXPECT_TRUE(inventory.backups.empty());
  EXPECT_TRUE(inventory.tails.empty());
  EXPECT_EQ(inventory.repository, "local");
  EXPECT_EQ(inventory.incarnation, kIncarnation);
}

struct Archived {
  explicit Archived(bool encrypted = false) : memory(encrypted) {
    for (std::uint64_t i = 0; i < 5; ++i)
      wal.store_segment(archive, wal::SegmentNo(wal.first_segment().value() + i));
  }
  MemoryRepository memory;
  WalArchive archive = memory.archive();
  SyntheticWal wal{kStart, 6 * kMegabyte};
};

TEST(Inventory, CutsStretchesAtLogs) {
  const Archived archived;
  const auto wal = read_inventory(archived.archive).wal;
  ASSERT_EQ(wal.size(), 2U);
  EXPECT_EQ(wal[0].start, kStart);
  EXPECT_EQ(wal[0].end, kLogEnd);
  EXPECT_EQ(wal[1].start, kLogEnd);
  EXPECT_EQ(wal[1].end, kLogEnd + 2 * kMegabyte);
  EXPECT_FALSE(wal[0].summarized);
  std::uint64_t stored = 0;
  for (const WalRange& range : archived.archive.list(kTimeline)) stored += range.stored_bytes;
  EXPECT_EQ(wal[0].stored_bytes + wal[1].stored_bytes, stored);
}

TEST(Inventory, ACheckpointSummarizes) {
  const Archived archived(true);
  store_checkpoint(archived.archive, at_second(1));
  const auto wal = read_inventory(archived.archive).wal;
  ASSERT_EQ(wal.size(), 2U);
  for (const catalog::WalStretch& stretch : wal) {
    EXPECT_TRUE(stretch.summarized);
    EXPECT_EQ(stretch.earliest, archived.wal.index(stretch.start, stretch.end).earliest);
    EXPECT_EQ(stretch.latest, archived.wal.index(stretch.start, stretch.end).latest);
    EXPECT_TRUE(stretch.latest.has_value());
  }
}

TEST(Inventory, KnowsTheTail) {
  const Archived archived;
  const wal::WalIndex index = archived.wal.index(kStart, kLogEnd + 2 * kMegabyte);
  for (int checkpoints = 0; checkpoints < 2; ++checkpoints) {
    const auto tail = read_inventory(archived.archive).tails.at(kTimeline);
    EXPECT_EQ(tail.last_record, index.last_record);
    EXPECT_EQ(tail.last_record_end, index.last_record_end);
    EXPECT_EQ(tail.last_end_time, index.ends.back().time);
    store_checkpoint(archived.archive, at_second(checkpoints));
  }
}

TEST(Inventory, ADamagedCheckpointIsPassedOver) {
  const Archived archived;
  store_checkpoint(archived.archive, at_second(1));
  const auto older = archived.memory.names(catalog::checkpoints_folder(kIncarnation));
  archived.wal.store_piece(const_cast<WalArchive&>(archived.archive), kLogEnd + 2 * kMegabyte,
                           kLogEnd + 2 * kMegabyte + 999);
  store_checkpoint(archived.archive, at_second(2));
  const auto names = archived.memory.names(catalog::checkpoints_folder(kIncarnation));
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[1], older[0]) << "the newest sorts first";
  const catalog::Inventory rebuilt = rebuild_inventory(archived.archive);
  for (const std::string& name : names) {
    Bytes bad = *archived.memory.store->get(name);
    bad[bad.size() / 2] ^= 4;
    archived.memory.store->overwrite(name, bad);
    expect_same(read_inventory(archived.archive), rebuilt);
  }
}

TEST(Inventory, ACheckpointOfAnotherClusterIsPassedOver) {
  const Archived archived;
  catalog::Checkpoint foreign;
  foreign.inventory.incarnation = {"other", 15, SystemId(5)};
  foreign.inventory.segment_size = kSmallSegments;
  archived.memory.repository->put(codec::ObjectKind::checkpoint,
                                  catalog::checkpoint_name(kIncarnation, at_second(9), 1),
                                  foreign.serialize());
  expect_same(read_inventory(archived.archive), rebuild_inventory(archived.archive));
  EXPECT_EQ(read_inventory(archived.archive).wal.size(), 2U);
}

TEST(Inventory, AListingFindsWhatCameBehindTheCheckpoint) {
  Archived archived;
  const SyntheticWal before(kStart - 2 * kMegabyte, 2 * kMegabyte);
  store_checkpoint(archived.archive, at_second(1));
  before.store_segment(archived.archive, before.first_segment());
  EXPECT_EQ(read_inventory(archived.archive).wal.front().start, kStart);
  store_checkpoint(archived.archive, at_second(2), CheckpointBasis::listing);
  EXPECT_EQ(read_inventory(archived.archive).wal.front().start, before.start());
}

TEST(Inventory, ADamagedBackupDoesNotHideTheOthers) {
  const MemoryRepository memory;
  BackupStore backups(memory.repository, kIncarnation);
  const BackupId good(at_second(1), 1), bad(at_second(2), 2);
  backups.put_manifest(manifest_of(good, kStart));
  backups.put_manifest(manifest_of(bad, kStart));
  memory.store->overwrite(catalog::manifest_name(kIncarnation, bad), Bytes(100, 1));
  EXPECT_EQ(read_inventory(memory.archive()).backups.size(), 2U) << "the copy is used";
  memory.store->overwrite(catalog::manifest_copy_name(kIncarnation, bad), Bytes(100, 1));
  const auto found = read_inventory(memory.archive()).backups;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, good);
}

TEST(Inventory, ARemovedBackupIsGoneDespiteTheCheckpoint) {
  const MemoryRepository memory;
  const BackupId id(at_second(1), 1);
  BackupStore(memory.repository, kIncarnation).put_manifest(manifest_of(id, kStart));
  store_checkpoint(memory.archive(), at_second(2));
  for (const std::string& name : memory.names(catalog::backups_folder(kIncarnation)))
    memory.store->remove(name);
  EXPECT_TRUE(read_inventory(memory.archive()).backups.empty());
}

TEST(Marks, AreGivenNewestFirst) {
  const MemoryRepository memory(true);
  const WalArchive archive = memory.archive();
  for (const int second : {5, 1, 9, 3}) {
    put_mark(archive, at_second(second), "receipt", as_bytes(std::to_string(second)));
    put_mark(archive, at_second(second), "verify", as_bytes("x"));
  }
  const auto marks = read_marks(archive, "receipt", 3);
  ASSERT_EQ(marks.size(), 3U);
  EXPECT_EQ(as_text(marks[0]), "9");
  EXPECT_EQ(as_text(marks[1]), "5");
  EXPECT_EQ(as_text(marks[2]), "3");
  EXPECT_TRUE(read_marks(archive, "pin", 3).empty());
}

TEST(Marks, OneThatCannotBeReadIsLeftOut) {
  const MemoryRepository memory;
  const BackupId id(at_second(1), 1);
  put_mark(memory.archive(), at_second(1), catalog::kMarkPin, as_bytes("no JSON"));
  put_mark(memory.archive(), at_second(2), catalog::kMarkPin,
           catalog::Pin{id, at_second(7), "r"}.serialize());
  EXPECT_EQ(read_inventory(memory.archive()).keep_until.at(id), at_second(7));
}

}  // namespace
}  // namespace tidemark::repository
