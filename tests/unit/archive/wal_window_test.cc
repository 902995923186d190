#include "archive/wal_window.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/wal_writer.h"
#include "unit/archive/archiving.h"

namespace tidemark::archive {
namespace {

using test::kSmallSegment;

constexpr std::uint64_t kMiB = 1U << 20;
const Lsn kStart(16 * kMiB);

wal::WalIndex index(Lsn start, Lsn end, int commits = 0, std::int64_t time = 0) {
  wal::WalIndex index;
  index.timeline = TimelineId(1);
  index.start = start;
  index.end = end;
  for (int i = 0; i < commits; ++i) {
    index.ends.push_back({start, end, Instant::from_postgres(time + i), 1, wal::EndKind::commit});
  }
  return index;
}

class WindowTest : public testing::Test {
 protected:
  WindowTest() : window({kSmallSegment, TimelineId(1), kStart, 3 * kMiB}) {}

  // Fills `bytes` with a pattern that tells positions apart; false when the window is full.
  bool fill(std::uint64_t bytes, int commits = 0, std::int64_t time = 0) {
    while (bytes > 0) {
      const auto space = window.space();
      if (space.empty()) return false;
      const std::size_t count = std::min<std::uint64_t>(space.size(), bytes);
      const Lsn at = window.received();
      for (std::size_t i = 0; i < count; ++i) space[i] = pattern(at + i);
      window.publish(count, index(at, at + count, commits, time), SteadyTime(std::chrono::hours(1)));
      bytes -= count;
    }
    return true;
  }
  static Byte pattern(Lsn at) { return static_cast<Byte>(at.value() * 7 + (at.value() >> 12)); }
  static bool right(ByteView bytes, Lsn at) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != pattern(at + i)) return false;
    }
    return true;
  }

  WalWindow window;
};

TEST_F(WindowTest, StretchHoldsWhatWasReceivedBehindThePosition) {
  const auto reader = window.add_reader(kStart, false);
  fill(1000, 1);
  auto stretch = window.take(kStart, false);
  EXPECT_EQ(stretch.end, kStart + 1000);
  window.advance(reader, stretch.end);
  fill(500, 2);
  stretch = window.take(kStart + 1000, false);
  EXPECT_EQ(stretch.start, kStart + 1000);
  EXPECT_EQ(stretch.bytes().size(), 500U);
  EXPECT_TRUE(right(stretch.bytes(), stretch.start));
  EXPECT_EQ(stretch.index().ends.size(), 2U);
  EXPECT_EQ(stretch.index().start, kStart + 1000);
  EXPECT_FALSE(stretch.whole);
}

TEST_F(WindowTest, FullSegmentIsTakenWholeWhateverWasShippedOfIt) {
  window.add_reader(kStart, false);
  fill(1000, 1);
  window.take(kStart, false);
  fill(kMiB - 1000, 3);
  const auto stretch = window.take(kStart + 1000, true);
  EXPECT_TRUE(stretch.whole);
  EXPECT_EQ(stretch.start, kStart);
  EXPECT_EQ(stretch.bytes().size(), kMiB);
  EXPECT_TRUE(right(stretch.bytes(), kStart));
  EXPECT_EQ(stretch.index().ends.size(), 4U);
}

TEST_F(WindowTest, FullWindowGivesNoSpaceUntilTheSlowestPassed) {
  const auto slow = window.add_reader(kStart, false);
  const auto fast = window.add_reader(kStart, false);
  EXPECT_FALSE(fill(4 * kMiB));
  EXPECT_EQ(window.received(), kStart + 3 * kMiB);
  window.advance(fast, kStart + 3 * kMiB);
  EXPECT_TRUE(window.space().empty());
  window.advance(slow, kStart + kMiB - 1);
  EXPECT_TRUE(window.space().empty());
  window.advance(slow, kStart + kMiB);
  EXPECT_FALSE(window.space().empty());
  EXPECT_EQ(window.first_held(), kStart + kMiB);
}

TEST_F(WindowTest, SlowOptionalReaderIsLeftBehind) {
  const auto required = window.add_reader(kStart, false);
  const auto optional = window.add_reader(kStart, true);
  fill(3 * kMiB);
  window.advance(required, kStart + 2 * kMiB);
  EXPECT_TRUE(window.attached(optional));
  EXPECT_TRUE(fill(kMiB));
  EXPECT_FALSE(window.attached(optional));
  EXPECT_FALSE(window.attach_again(optional, kStart + kMiB));
  EXPECT_TRUE(window.attach_again(optional, kStart + 2 * kMiB));
  EXPECT_TRUE(window.attached(optional));
}

TEST_F(WindowTest, OptionalReaderStaysWhileRequiredOnesAreTheSlowOnes) {
  window.add_reader(kStart, false);
  const auto optional = window.add_reader(kStart, true);
  EXPECT_FALSE(fill(4 * kMiB));
  EXPECT_TRUE(window.attached(optional));
}

TEST_F(WindowTest, SegmentBeingReceivedIsHeldForComparing) {
  const auto reader = window.add_reader(kStart, false);
  fill(5000);
  window.advance(reader, kStart + 5000);
  EXPECT_TRUE(right(window.held(kStart, kStart + 5000), kStart));
}

TEST_F(WindowTest, LookTellsTransactionEndsBehindThePosition) {
  window.add_reader(kStart, false);
  fill(100, 1);
  fill(100, 0);
  EXPECT_TRUE(window.look(kStart).first_end_arrival);
  EXPECT_FALSE(window.look(kStart + 100).first_end_arrival);
  EXPECT_TRUE(window.ends_all_below(kStart + 100));
  EXPECT_FALSE(window.ends_all_below(kStart + 99));
}

TEST_F(WindowTest, OldestCommitBehindThePosition) {
  window.add_reader(kStart, false);
  fill(100, 2, 50);
  fill(100, 1, 20);
  fill(100, 1, 70);
  EXPECT_EQ(window.oldest_commit_after(kStart), Instant::from_postgres(20));
  EXPECT_EQ(window.oldest_commit_after(kStart + 200), Instant::from_postgres(70));
  EXPECT_EQ(window.oldest_commit_after(kStart + 300), std::nullopt);
}

TEST_F(WindowTest, DemandHoldsForWhatIsStillToCome) {
  window.add_reader(kStart, false);
  window.demand(kStart + 150);
  fill(100);
  EXPECT_TRUE(window.look(kStart).demanded);
  EXPECT_TRUE(window.look(kStart + 100).demanded);
  EXPECT_FALSE(window.look(kStart + 150).demanded);
}

TEST_F(WindowTest, PartsStayBelowTheirLimit) {
  window.add_reader(kStart, false);
  fill(kMiB);
  const auto stretch = window.take(kStart, true);
  for (const auto& part : stretch.parts) EXPECT_LE(part.end - part.start, kPartBytes);
}

TEST_F(WindowTest, PartEndsWhereAReaderBegins) {
  window.add_reader(kStart + 700, false);
  fill(700, 1);
  window.end_part();
  fill(300, 1);
  const auto stretch = window.take(kStart + 700, false);
  EXPECT_EQ(stretch.start, kStart + 700);
  EXPECT_EQ(stretch.bytes().size(), 300U);
  EXPECT_EQ(stretch.index().ends.size(), 1U);
}

TEST_F(WindowTest, CloseDemandsWhatWasReceived) {
  window.add_reader(kStart, false);
  fill(100);
  window.close();
  EXPECT_TRUE(window.look(kStart).demanded);
  EXPECT_TRUE(window.look(kStart).closed);
}

}  // namespace
}  // namespace tidemark::archive
