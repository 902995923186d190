#include "archive/idle_proofs.h"

#include <gtest/gtest.h>

namespace tidemark::archive {
namespace {

Instant at(int seconds) { return Instant::from_unix(std::int64_t{seconds} * 1'000'000); }
const TimelineId kOne(1);

TEST(NeededBelow, PositionBehindAPageHeaderNeedsNothingOfThatPage) {
  const wal::SegmentSize size;
  EXPECT_EQ(needed_below(Lsn(0x3000028), size), Lsn(0x3000000));
  EXPECT_EQ(needed_below(Lsn(0x3002018), size), Lsn(0x3002000));
  EXPECT_EQ(needed_below(Lsn(0x3000018), size),
            Lsn(0x3000018));  // inside of a long header: no page ends there
  EXPECT_EQ(needed_below(Lsn(0x3002028), size), Lsn(0x3002028));
}

TEST(IdleProofs, BecomeValidWhenAllBelowIsDurable) {
  IdleProofs proofs;
  proofs.saw(at(1), Lsn(100));
  proofs.saw(at(2), Lsn(200));
  proofs.settle(kOne, Lsn(99), Lsn(150), false);
  EXPECT_EQ(proofs.newest(), std::nullopt);
  proofs.settle(kOne, Lsn(150), Lsn(150), false);
  ASSERT_TRUE(proofs.newest());
  EXPECT_EQ(*proofs.newest(), (catalog::IdleProof{at(1), Lsn(100), kOne}));
  proofs.settle(kOne, Lsn(200), Lsn(200), true);
  EXPECT_EQ(*proofs.newest(), (catalog::IdleProof{at(2), Lsn(200), kOne}));
}

TEST(IdleProofs, NoiseNeedNotBeDurable) {
  IdleProofs proofs;
  proofs.saw(at(5), Lsn(300));
  proofs.settle(kOne, Lsn(200), Lsn(250), true);  // not all of it was seen: a commit may be among the rest
  EXPECT_EQ(proofs.newest(), std::nullopt);
  proofs.settle(kOne, Lsn(200), Lsn(300), false);  // a commit among what is not durable
  EXPECT_EQ(proofs.newest(), std::nullopt);
  proofs.settle(kOne, Lsn(200), Lsn(300), true);
  ASSERT_TRUE(proofs.newest());
  EXPECT_EQ(*proofs.newest(), (catalog::IdleProof{at(5), Lsn(200), kOne}));
}

TEST(IdleProofs, SamePlaceLaterProvesMore) {
  IdleProofs proofs;
  for (int second = 1; second < 10; ++second) proofs.saw(at(second), Lsn(100));
  proofs.settle(kOne, Lsn(100), Lsn(100), true);
  EXPECT_EQ(proofs.newest()->time, at(9));
}

TEST(IdleProofs, PositionThatGoesBackVoidsWhatIsPending) {
  IdleProofs proofs;
  proofs.saw(at(1), Lsn(500));
  proofs.saw(at(2), Lsn(400));
  proofs.settle(kOne, Lsn(1000), Lsn(1000), true);
  EXPECT_EQ(proofs.newest()->lsn, Lsn(400));
}

TEST(IdleProofs, PendingOnesAreBounded) {
  IdleProofs proofs;
  for (unsigned i = 1; i <= 100'000; ++i) proofs.saw(at(static_cast<int>(i)), Lsn(i));
  proofs.settle(kOne, Lsn(1), Lsn(1), false);
  EXPECT_EQ(proofs.newest()->time, at(1));
  proofs.settle(kOne, Lsn(100'000), Lsn(100'000), false);
  EXPECT_EQ(proofs.newest()->time, at(100'000));
}

}  // namespace
}  // namespace tidemark::archive
