#include "wal/range.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace tidemark::wal {
namespace {

using Kind = RangeKind;

RangeExtent extent(Kind kind, std::uint64_t start, std::uint64_t end, std::size_t source) {
  return {kind, Lsn(start), Lsn(end), source};
}

CoverStep step(std::size_t source, std::uint64_t from, std::uint64_t to) {
  return {source, Lsn(from), Lsn(to)};
}

TEST(ContiguousCover, TakesAFullSegmentAlone) {
  const auto cover = contiguous_cover({extent(Kind::piece, 0, 4, 0), extent(Kind::piece, 4, 16, 1),
                                       extent(Kind::open, 0, 16, 2), extent(Kind::segment, 0, 16, 3)},
                                      Lsn(0), Lsn(16));
  EXPECT_EQ(cover, (std::vector<CoverStep>{step(3, 0, 16)}));
}

TEST(ContiguousCover, JoinsOverlappingPieces) {
  const auto cover = contiguous_cover(
      {extent(Kind::piece, 6, 12, 2), extent(Kind::piece, 0, 4, 0), extent(Kind::piece, 2, 8, 1)}, Lsn(1),
      Lsn(100));
  EXPECT_EQ(cover, (std::vector<CoverStep>{step(0, 1, 4), step(1, 4, 8), step(2, 8, 12)}));
}

TEST(ContiguousCover, EndsAtAHole) {
  const auto cover =
      contiguous_cover({extent(Kind::piece, 0, 4, 0), extent(Kind::piece, 5, 8, 1)}, Lsn(0), Lsn(8));
  EXPECT_EQ(cover, (std::vector<CoverStep>{step(0, 0, 4)}));
  EXPECT_TRUE(contiguous_cover({extent(Kind::piece, 5, 8, 1)}, Lsn(0), Lsn(8)).empty());
  EXPECT_TRUE(contiguous_cover({}, Lsn(0), Lsn(8)).empty());
  EXPECT_TRUE(contiguous_cover({extent(Kind::segment, 0, 8, 1)}, Lsn(8), Lsn(8)).empty());
}

TEST(ContiguousCover, IsClippedAtTheLimitAndIgnoresEmptyRanges) {
  const auto cover = contiguous_cover(
      {extent(Kind::open, 3, 3, 0), extent(Kind::segment, 0, 16, 1), extent(Kind::piece, 4, 32, 2)}, Lsn(5),
      Lsn(9));
  EXPECT_EQ(cover, (std::vector<CoverStep>{step(1, 5, 9)}));
}

std::vector<RangeExtent> random_ranges(std::mt19937& random) {
  std::vector<RangeExtent> ranges;
  const std::size_t count = random() % 8;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t start = random() % 30;
    ranges.push_back(extent(static_cast<Kind>(random() % 3), start, start + random() % 10, i));
  }
  return ranges;
}

bool holds(const RangeExtent& range, std::uint64_t byte) {
  return range.start.value() <= byte && byte < range.end.value();
}

bool any_holds(const std::vector<RangeExtent>& ranges, std::uint64_t byte) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const RangeExtent& range) { return holds(range, byte); });
}

// The fewest ranges that reach from `begin` to `end`, by trying them all.
std::size_t fewest(const std::vector<RangeExtent>& ranges, std::uint64_t begin, std::uint64_t end) {
  std::set<std::uint64_t> reached = {begin};
  std::size_t steps = 0;
  for (; !reached.contains(end) && steps <= ranges.size(); ++steps) {
    std::set<std::uint64_t> further;
    for (const std::uint64_t at : reached) {
      for (const RangeExtent& range : ranges) {
        for (std::uint64_t to = at; holds(range, to); ++to) further.insert(to + 1);
      }
    }
    // Only what a range holds from `at` on without a break counts, which the loop above makes sure of.
    reached = further;
  }
  return steps;
}

TEST(ContiguousCover, IsLongestContiguousTrueToTheRangesAndSmallest) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const auto ranges = random_ranges(random);
    const std::uint64_t begin = random() % 30;
    const std::uint64_t limit = begin + random() % 20;
    const auto cover = contiguous_cover(ranges, Lsn(begin), Lsn(limit));
    std::uint64_t expected_end = begin;
    while (expected_end < limit && any_holds(ranges, expected_end)) ++expected_end;
    std::uint64_t at = begin;
    for (const CoverStep& taken : cover) {
      ASSERT_EQ(taken.from.value(), at);
      ASSERT_LT(taken.from, taken.to);
      ASSERT_TRUE(holds(ranges[taken.source], taken.from.value()));
      ASSERT_TRUE(holds(ranges[taken.source], taken.to.value() - 1));
      at = taken.to.value();
    }
    ASSERT_EQ(at, expected_end) << "round " << round;
    ASSERT_EQ(cover.size(), fewest(ranges, begin, expected_end)) << "round " << round;
  }
}

TEST(Overlaps, AreExactlyWhatTwoRangesHold) {
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    const auto ranges = random_ranges(random);
    std::map<std::pair<std::size_t, std::size_t>, std::set<std::uint64_t>> expected;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      for (std::size_t j = i + 1; j < ranges.size(); ++j) {
        for (std::uint64_t byte = 0; byte < 50; ++byte) {
          if (holds(ranges[i], byte) && holds(ranges[j], byte)) expected[{i, j}].insert(byte);
        }
      }
    }
    decltype(expected) found;
    for (const Overlap& overlap : overlaps(ranges)) {
      auto& bytes = found[std::minmax(overlap.first, overlap.second)];
      for (std::uint64_t byte = overlap.from.value(); byte < overlap.to.value(); ++byte) bytes.insert(byte);
    }
    ASSERT_EQ(found, expected) << "round " << round;
  }
}

}  // namespace
}  // namespace tidemark::wal
