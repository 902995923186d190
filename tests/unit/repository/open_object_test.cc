// The growing object of the open segment: every way in which its end can be torn, and damage that is none.
#include "repository/open_object.h"

#include "sample.h"

namespace tidemark::repository {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20;
const Lsn kStart(kMegabyte);

class OpenObject : public RepositoryTest {};
INSTANTIATE_TEST_SUITE_P(Stores, OpenObject, kVariants, variant_name);

TEST_P(OpenObject, GivesBackWhatWasAppended) {
  WalArchive archive = archive_of();
  const SyntheticWal wal(kStart, kMegabyte);
  auto open = archive.open_segment(kTimeline, kStart);
  EXPECT_EQ(archive.contiguous_end(kTimeline, kStart), kStart);
  Lsn at = kStart;
  for (const std::uint64_t step : {100U, 1U, 8000U, 100'000U, 300U}) {
    open->append(wal.bytes(at, at + step), wal.index(at, at + step));
    open->sync();
    at += step;
    EXPECT_EQ(open->end(), at);
    EXPECT_EQ(archive.contiguous_end(kTimeline, kStart), at);
  }
  const auto segment = archive.read_segment(kTimeline, wal::SegmentNo(1));
  EXPECT_EQ(segment->valid_end, at);
  EXPECT_TRUE(std::ranges::equal(ByteView(segment->bytes).first(at - kStart), wal.bytes(kStart, at)));
  const auto ranges = archive.list(kTimeline);
  ASSERT_EQ(ranges.size(), 1U);
  EXPECT_EQ(ranges[0].kind, wal::RangeKind::open);
  const wal::WalIndex index = archive.read_index(ranges[0]);
  EXPECT_EQ(index.ends, wal.index(kStart, at).ends);
  EXPECT_EQ(index.end, at);
  EXPECT_EQ(index.last_record, wal.index(kStart, at).last_record);
}

TEST_P(OpenObject, TakesShipmentsLargerThanAFrame) {
  const auto size = *wal::SegmentSize::from_bytes(4 * kMegabyte);
  WalArchive archive = archive_of(size);
  const Lsn start(4 * kMegabyte);
  const SyntheticWal wal(start, 4 * kMegabyte, 1, size);
  auto open = archive.open_segment(kTimeline, start);
  open->append(wal.bytes(start, start + 100), wal.index(start, start + 100));
  open->append(wal.bytes(start + 100, wal.end()), wal.index(start + 100, wal.end()));
  open->sync();
  const auto segment = archive.read_segment(kTimeline, wal::SegmentNo(1));
  EXPECT_TRUE(std::ranges::equal(segment->bytes, wal.bytes(start, wal.end())));
  EXPECT_EQ(archive.read_index(archive.list(kTimeline)[0]).ends, wal.index(start, wal.end()).ends);
}

TEST_P(OpenObject, GoesOnBehindACrash) {
  WalArchive archive = archive_of();
  const SyntheticWal wal(kStart, kMegabyte);
  archive.open_segment(kTimeline, kStart)
      ->append(wal.bytes(kStart, kStart + 5000), wal.index(kStart, kStart + 5000));
  EXPECT_EQ(code_of([&] { archive.open_segment(kTimeline, kStart); }), "exists");
  auto second = archive.open_segment(kTimeline, kStart + 4000);
  second->append(wal.bytes(kStart + 4000, kStart + 9000), wal.index(kStart + 4000, kStart + 9000));
  second->sync();
  EXPECT_EQ(archive.contiguous_end(kTimeline, kStart), kStart + 9000);
  EXPECT_TRUE(
      std::ranges::equal(ByteView(archive.read_segment(kTimeline, wal::SegmentNo(1))->bytes).first(9000),
                         wal.bytes(kStart, kStart + 9000)));
}

TEST_P(OpenObject, RefusesWalThatDoesNotFollow) {
  WalArchive archive = archive_of();
  const SyntheticWal wal(kStart, 2 * kMegabyte);
  auto open = archive.open_segment(kTimeline, kStart);
  EXPECT_THROW(open->append(wal.bytes(kStart + 1, kStart + 9), wal.index(kStart + 1, kStart + 9)), Error);
  EXPECT_THROW(
      open->append(wal.bytes(kStart, kStart + kMegabyte + 1), wal.index(kStart, kStart + kMegabyte + 1)),
      Error);
}

// Shipments of a small open object with the places of their frames.
struct Shipped {
  explicit Shipped(bool encrypted, bool sync_each = true) : memory(encrypted), archive(memory.archive()) {
    auto open = archive.open_segment(kTimeline, kStart);
    for (const std::uint64_t step : {40U, 700U, 1U, 250U}) {
      const Lsn at = open->end();
      open->append(wal.bytes(at, at + step), wal.index(at, at + step));
      if (sync_each) open->sync();
      ends.push_back(open->end());
    }
    open->sync();
    name = memory.names(catalog::timeline_folder(kIncarnation, kTimeline)).at(0);
    content = *memory.store->get(name);
    std::size_t offset = codec::kHeaderBytes;
    while (const auto length = codec::ObjectReader::stored_length(ByteView(content).subspan(offset))) {
      frames.push_back(offset);
      offset += *length;
    }
    used = offset;
  }
  Lsn end_of(const Bytes& changed) const {
    memory.store->overwrite(name, changed);
    return archive.contiguous_end(kTimeline, kStart);
  }
  // Where the prefix ends when only the first `bytes` bytes are there.
  Lsn expected_end(std::size_t bytes) const {
    Lsn end = kStart;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (bytes >= (i + 1 < frames.size() ? frames[i + 1] : used)) end = ends[i];
    }
    return end;
  }

  MemoryRepository memory;
  WalArchive archive;
  SyntheticWal wal{kStart, kMegabyte};
  std::vector<Lsn> ends;
  std::string name;
  Bytes content;
  std::vector<std::size_t> frames;
  std::size_t used = 0;
};

TEST(TornOpenObject, EveryLengthLeavesTheWholeShipments) {
  for (const bool encrypted : {false, true}) {
    const Shipped shipped(encrypted);
    ASSERT_EQ(shipped.frames.size(), 4U);
    for (std::size_t length = 0; length <= shipped.used; ++length) {
      Bytes cut(shipped.content.begin(), shipped.content.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_EQ(shipped.end_of(cut), shipped.expected_end(length)) << "cut at " << length;
      cut.resize(std::min<std::size_t>(shipped.content.size(), shipped.used + 8192));
      // Zeros in the place of zeros are not missing.
      std::size_t present = length;
      while (present < shipped.used && shipped.content[present] == 0) ++present;
      EXPECT_EQ(shipped.end_of(cut), shipped.expected_end(present)) << "zeros from " << length;
    }
  }
}

TEST(TornOpenObject, GarbageBehindTheEndIsNotRead) {
  for (const bool encrypted : {false, true}) {
    const Shipped shipped(encrypted);
    std::mt19937_64 random(3);
    for (int i = 0; i < 20; ++i) {
      Bytes torn = shipped.content;
      for (std::size_t at = shipped.frames[3]; at < shipped.used + 3000; ++at)
        torn[at] = static_cast<Byte>(random());
      EXPECT_EQ(shipped.end_of(torn), shipped.ends[2]);
    }
  }
}

TEST(DamagedOpenObject, IsRefusedWhereItHadBeenSynced) {
  for (const bool encrypted : {false, true}) {
    const Shipped shipped(encrypted);
    for (std::size_t frame = 0; frame < 3; ++frame) {
      for (std::size_t at = shipped.frames[frame]; at < shipped.frames[frame + 1]; ++at) {
        Bytes bad = shipped.content;
        bad[at] ^= 0x10;
        const std::string why = message_of([&] { shipped.end_of(bad); });
        EXPECT_NE(why.find(shipped.name), why.npos) << frame << " at " << at;
        EXPECT_NE(why.find("frame " + std::to_string(frame)), why.npos) << why;
      }
    }
  }
}

TEST(DamagedOpenObject, ALostSectorIsFound) {
  const Shipped shipped(true);
  Bytes bad = shipped.content;
  std::fill(bad.begin() + static_cast<std::ptrdiff_t>(shipped.frames[0]),
            bad.begin() + static_cast<std::ptrdiff_t>(shipped.frames[2]), 0);
  EXPECT_EQ(code_of([&] { shipped.end_of(bad); }), "damaged_object");
}

// Appends that no sync came between may reach the disk in any order.
TEST(TornOpenObject, WhatWasNeverSyncedMayBeMissing) {
  for (const bool encrypted : {false, true}) {
    const Shipped shipped(encrypted, false);
    Bytes torn = shipped.content;
    torn[shipped.frames[1] + 60] ^= 1;
    EXPECT_EQ(shipped.end_of(torn), shipped.ends[0]);
  }
}

TEST(DamagedOpenObject, ItsHeaderIsRefusedWhenFramesFollow) {
  for (const bool encrypted : {false, true}) {
    const Shipped shipped(encrypted);
    for (std::size_t at = 0; at < codec::kHeaderBytes; ++at) {
      Bytes bad = shipped.content;
      bad[at] ^= 0x80;
      const std::string why = message_of([&] { shipped.end_of(bad); });
      EXPECT_NE(why.find(shipped.name), why.npos) << at;
    }
  }
}

TEST(DamagedOpenObject, ThatOfAnotherRepositoryIsRefused) {
  const Shipped shipped(true), other(true);
  EXPECT_EQ(code_of([&] { shipped.end_of(other.content); }), "foreign_object");
}

}  // namespace
}  // namespace tidemark::repository
