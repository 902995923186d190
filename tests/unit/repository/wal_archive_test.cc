#include "repository/wal_archive.h"

#include "sample.h"

namespace tidemark::repository {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20;

class Archive : public RepositoryTest {
 protected:
  const SyntheticWal wal{Lsn(kMegabyte), 3 * kMegabyte};
  WalArchive archive = archive_of();
  const wal::SegmentNo first{1};
};
INSTANTIATE_TEST_SUITE_P(Stores, Archive, kVariants, variant_name);

TEST_P(Archive, GivesASegmentBack) {
  EXPECT_FALSE(archive.read_segment(kTimeline, first).has_value());
  EXPECT_EQ(wal.store_segment(archive, first), StoreOutcome::stored);
  const auto segment = archive.read_segment(kTimeline, first);
  ASSERT_TRUE(segment.has_value());
  EXPECT_TRUE(std::ranges::equal(segment->bytes, wal.bytes(Lsn(kMegabyte), Lsn(2 * kMegabyte))));
  EXPECT_EQ(segment->valid_end, Lsn(2 * kMegabyte));
  EXPECT_FALSE(archive.read_segment(kTimeline, first.next()).has_value());
  EXPECT_FALSE(archive.read_segment(TimelineId(2), first).has_value());
}

TEST_P(Archive, TellsTheSameBytesFromOthers) {
  EXPECT_EQ(wal.store_segment(archive, first), StoreOutcome::stored);
  EXPECT_EQ(wal.store_segment(archive, first), StoreOutcome::same);
  const SyntheticWal other(Lsn(kMegabyte), kMegabyte, 2);
  EXPECT_EQ(other.store_segment(archive, first), StoreOutcome::conflict);
  const Lsn begin(2 * kMegabyte), end(2 * kMegabyte + 5000);
  EXPECT_EQ(wal.store_piece(archive, begin, end), StoreOutcome::stored);
  EXPECT_EQ(wal.store_piece(archive, begin, end), StoreOutcome::same);
  const SyntheticWal elsewhere(begin, kMegabyte, 2);
  EXPECT_EQ(elsewhere.store_piece(archive, begin, end), StoreOutcome::conflict);
  const auto segment = archive.read_segment(kTimeline, first);
  EXPECT_TRUE(std::ranges::equal(segment->bytes, wal.bytes(Lsn(kMegabyte), begin)));
}

TEST_P(Archive, KeepsTheIndexOfARange) {
  wal.store_segment(archive, first);
  const Lsn begin(2 * kMegabyte), end(2 * kMegabyte + 70'000);
  wal.store_piece(archive, begin, end);
  const auto ranges = archive.list(kTimeline);
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0].kind, wal::RangeKind::segment);
  EXPECT_EQ(ranges[1].kind, wal::RangeKind::piece);
  EXPECT_EQ(archive.read_index(ranges[0]), wal.index(Lsn(kMegabyte), begin));
  EXPECT_EQ(archive.read_index(ranges[1]), wal.index(begin, end));
  EXPECT_GT(wal.index(begin, end).ends.size(), 0U);
}

TEST_P(Archive, ReadsAnyPartOfARange) {
  const SyntheticWal large(Lsn(4 * kMegabyte), 4 * kMegabyte, 3,
                           *wal::SegmentSize::from_bytes(4 * kMegabyte));
  WalArchive with_large = archive_of(*wal::SegmentSize::from_bytes(4 * kMegabyte));
  large.store_segment(with_large, wal::SegmentNo(1));
  const WalRange range = with_large.list(kTimeline).at(0);
  std::mt19937_64 random(5);
  for (int i = 0; i < 40; ++i) {
    const Lsn from = range.start + random() % (4 * kMegabyte);
    const Lsn to = from + random() % (range.end - from + 1);
    Bytes out = {1, 2, 3};
    with_large.read_bytes(range, from, to, out);
    ASSERT_TRUE(std::ranges::equal(ByteView(out).subspan(3), large.bytes(from, to))) << i;
  }
  Bytes out;
  EXPECT_THROW(with_large.read_bytes(range, range.start - 1, range.end, out), Error);
  EXPECT_THROW(with_large.read_bytes(range, range.start, range.end + 1, out), Error);
}

// Cut anywhere, overlapping or not, in any order: the bytes come back as they were.
TEST_P(Archive, JoinsPiecesCutAnywhere) {
  std::mt19937_64 random(GetParam().posix ? 3 : 4);
  for (int round = 0; round < 3; ++round) {
    const wal::SegmentNo segment(static_cast<std::uint64_t>(round) + 1);
    const Lsn begin = segment.start(kSmallSegments), end = segment.end(kSmallSegments);
    std::vector<std::pair<Lsn, Lsn>> pieces;
    for (Lsn at = begin; at < end;) {
      const Lsn to = std::min(end, at + 1 + random() % 200'000);
      const Lsn from = std::max(begin, at - random() % std::min<std::uint64_t>(30'000, at - begin + 1));
      pieces.emplace_back(from, to);
      at = to;
    }
    std::ranges::shuffle(pieces, random);
    for (const auto& [from, to] : pieces) wal.store_piece(archive, from, to);
    const auto read = archive.read_segment(kTimeline, segment);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->valid_end, end);
    EXPECT_TRUE(std::ranges::equal(read->bytes, wal.bytes(begin, end)));
    EXPECT_EQ(archive.contiguous_end(kTimeline, begin), end);
    EXPECT_EQ(archive.contiguous_end(kTimeline, begin + 17), end);
  }
  EXPECT_EQ(archive.contiguous_end(kTimeline, wal.start()), wal.end());
}

TEST_P(Archive, EndsAtAHole) {
  const Lsn begin(kMegabyte);
  wal.store_piece(archive, begin, begin + 1000);
  wal.store_piece(archive, begin + 1001, begin + 9000);
  const auto segment = archive.read_segment(kTimeline, first);
  EXPECT_EQ(segment->valid_end, begin + 1000);
  EXPECT_EQ(segment->bytes.size(), kMegabyte);
  EXPECT_TRUE(std::ranges::equal(ByteView(segment->bytes).first(1000), wal.bytes(begin, begin + 1000)));
  EXPECT_TRUE(
      std::all_of(segment->bytes.begin() + 1000, segment->bytes.end(), [](Byte byte) { return byte == 0; }));
  EXPECT_EQ(archive.contiguous_end(kTimeline, begin), begin + 1000);
  EXPECT_EQ(archive.contiguous_end(kTimeline, begin + 1000), begin + 1000);
  EXPECT_EQ(archive.contiguous_end(kTimeline, begin + 1001), begin + 9000);
}

TEST_P(Archive, HasNothingWithoutTheSegmentsStart) {
  wal.store_piece(archive, Lsn(kMegabyte + 1), Lsn(kMegabyte + 5000));
  EXPECT_FALSE(archive.read_segment(kTimeline, first).has_value());
}

TEST_P(Archive, RefusesOverlapsThatDiffer) {
  const SyntheticWal other(Lsn(kMegabyte), kMegabyte, 2);
  const Lsn begin(kMegabyte);
  wal.store_piece(archive, begin, begin + 40'000);
  other.store_piece(archive, begin + 39'000, begin + 50'000);
  EXPECT_EQ(code_of([&] { archive.read_segment(kTimeline, first); }), "divergent");
  const std::string why = message_of([&] { archive.read_segment(kTimeline, first); });
  for (const WalRange& range : archive.list(kTimeline)) EXPECT_NE(why.find(range.name), why.npos) << why;
}

TEST_P(Archive, ComparesTheFullSegmentWithItsPieces) {
  const SyntheticWal other(Lsn(kMegabyte), kMegabyte, 2);
  wal.store_segment(archive, first);
  wal.store_piece(archive, Lsn(kMegabyte + 100), Lsn(kMegabyte + 900));
  EXPECT_TRUE(archive.read_segment(kTimeline, first).has_value());
  other.store_piece(archive, Lsn(kMegabyte + 40'000), Lsn(kMegabyte + 50'000));
  EXPECT_EQ(code_of([&] { archive.read_segment(kTimeline, first); }), "divergent");
}

TEST_P(Archive, RemovesWhatTheFullSegmentSupersedes) {
  const Lsn begin(2 * kMegabyte);
  wal.store_segment(archive, first);
  wal.store_piece(archive, begin, begin + 1000);
  auto open = archive.open_segment(kTimeline, begin + 1000);
  open->append(wal.bytes(begin + 1000, begin + 3000), wal.index(begin + 1000, begin + 3000));
  open->sync();
  wal.store_piece(archive, begin + kMegabyte, begin + kMegabyte + 10);
  archive.remove_superseded(kTimeline, first.next());
  EXPECT_EQ(archive.list(kTimeline).size(), 4U) << "the segment is not whole";
  wal.store_segment(archive, first.next());
  archive.remove_superseded(kTimeline, first.next());
  const auto left = archive.list(kTimeline);
  ASSERT_EQ(left.size(), 3U);
  EXPECT_EQ(left[1].kind, wal::RangeKind::segment);
  EXPECT_EQ(left[2].kind, wal::RangeKind::piece);
  EXPECT_EQ(left[2].start, begin + kMegabyte);
}

TEST_P(Archive, ListsBehindAName) {
  for (std::uint64_t i = 1; i <= 3; ++i) wal.store_segment(archive, wal::SegmentNo(i));
  const auto all = archive.list(kTimeline);
  ASSERT_EQ(all.size(), 3U);
  const std::string below = catalog::timeline_folder(kIncarnation, kTimeline);
  const auto later = archive.list(kTimeline, all[1].name.substr(below.size()));
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].name, all[2].name);
  EXPECT_EQ(later[0].start, Lsn(3 * kMegabyte));
  EXPECT_EQ(archive.contiguous_end(kTimeline, Lsn(2 * kMegabyte + 5)), Lsn(4 * kMegabyte));
}

TEST_P(Archive, KnowsTimelinesHistoriesAndClaims) {
  EXPECT_TRUE(archive.timelines().empty());
  wal.store_segment(archive, first);
  const std::string content = "1\t0/3000000\tno recovery target specified\n";
  const auto history = wal::TimelineHistory::parse(TimelineId(2), content);
  EXPECT_EQ(archive.store_history(history, content), StoreOutcome::stored);
  EXPECT_EQ(archive.store_history(history, content), StoreOutcome::same);
  EXPECT_EQ(archive.store_history(history, content + "\n"), StoreOutcome::conflict);
  EXPECT_EQ(archive.read_history(TimelineId(2)), content);
  EXPECT_FALSE(archive.read_history(kTimeline).has_value());
  EXPECT_EQ(archive.claim_timeline(TimelineId(3), "host a"), StoreOutcome::stored);
  EXPECT_EQ(archive.claim_timeline(TimelineId(3), "host b"), StoreOutcome::conflict);
  EXPECT_EQ(archive.read_claim(TimelineId(3)), "host a");
  EXPECT_EQ(archive.timelines(), (std::vector{TimelineId(1), TimelineId(2), TimelineId(3)}));
}

TEST_P(Archive, RefusesAnIndexOfOtherWal) {
  const Lsn begin(kMegabyte);
  EXPECT_EQ(code_of([&] {
              archive.store_segment(kTimeline, first, wal.bytes(begin, Lsn(2 * kMegabyte)),
                                    wal.index(begin, begin + 5));
            }),
            "internal");
  EXPECT_EQ(code_of([&] { wal.store_piece(archive, begin + kMegabyte - 5, begin + kMegabyte + 5); }),
            "internal");
}

TEST(StoredSegment, ZerosTakeNoRoom) {
  const MemoryRepository memory;
  WalArchive archive = memory.archive();
  wal::WalIndex index;
  index.timeline = kTimeline;
  index.start = Lsn(kMegabyte);
  index.end = Lsn(2 * kMegabyte);
  archive.store_segment(kTimeline, wal::SegmentNo(1), Bytes(kMegabyte), index);
  EXPECT_LT(archive.list(kTimeline)[0].stored_bytes, 1000U);
  EXPECT_EQ(archive.read_segment(kTimeline, wal::SegmentNo(1))->bytes, Bytes(kMegabyte));
}

// Whatever reads a damaged range names it.
TEST(StoredSegment, IsRefusedWhenDamagedAnywhere) {
  for (const bool encrypted : {false, true}) {
    const MemoryRepository memory(encrypted);
    WalArchive archive = memory.archive();
    const SyntheticWal wal(Lsn(kMegabyte), kMegabyte);
    wal.store_segment(archive, wal::SegmentNo(1));
    const WalRange range = archive.list(kTimeline)[0];
    const Bytes good = *memory.store->get(range.name);
    std::mt19937_64 random(9);
    for (int i = 0; i < 120; ++i) {
      Bytes bad = good;
      if (i % 3 == 0) {
        bad.resize(random() % good.size());
      } else {
        const std::size_t bit = random() % (good.size() * 8);
        bad[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
      }
      memory.store->overwrite(range.name, bad);
      const std::string why = message_of([&] {
        archive.read_index(range);
        archive.read_segment(kTimeline, wal::SegmentNo(1));
      });
      EXPECT_NE(why.find(range.name), why.npos) << i << ": " << why;
    }
  }
}

TEST(StoredSegment, IsRefusedUnderAnotherName) {
  const MemoryRepository memory(true);
  WalArchive archive = memory.archive();
  const SyntheticWal wal(Lsn(kMegabyte), 2 * kMegabyte);
  wal.store_segment(archive, wal::SegmentNo(1));
  wal.store_segment(archive, wal::SegmentNo(2));
  const auto ranges = archive.list(kTimeline);
  memory.store->overwrite(ranges[0].name, *memory.store->get(ranges[1].name));
  EXPECT_EQ(code_of([&] { archive.read_segment(kTimeline, wal::SegmentNo(1)); }), "foreign_object");
  EXPECT_EQ(code_of([&] { wal.store_segment(archive, wal::SegmentNo(1)); }), "foreign_object");
}

}  // namespace
}  // namespace tidemark::repository
