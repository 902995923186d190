#include "archive/shipping_rule.h"

#include <gtest/gtest.h>

namespace tidemark::archive {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const SteadyTime kNow{std::chrono::hours(1)};
const ShippingRule kRule{milliseconds(2500), minutes(3)};

Unshipped some_bytes() {
  Unshipped unshipped;
  unshipped.any_bytes = true;
  unshipped.first_byte_arrival = kNow;
  return unshipped;
}

TEST(ShippingRule, NothingToShipIsNeverDue) {
  Unshipped nothing;
  nothing.demanded = nothing.synchronous = true;
  EXPECT_EQ(shipping_due(kRule, nothing), std::nullopt);
}

TEST(ShippingRule, FullSegmentShipsAtOnce) {
  Unshipped unshipped = some_bytes();
  unshipped.segment_full = true;
  EXPECT_EQ(shipping_due(kRule, unshipped), SteadyTime::min());
}

TEST(ShippingRule, TransactionEndWaitsForHalfOfTheObjective) {
  Unshipped unshipped = some_bytes();
  unshipped.first_end_arrival = kNow + seconds(1);
  EXPECT_EQ(shipping_due(kRule, unshipped), kNow + milliseconds(3500));
}

TEST(ShippingRule, IdleNoiseWaitsForMinutes) {
  EXPECT_EQ(shipping_due(kRule, some_bytes()), kNow + minutes(3));
}

TEST(ShippingRule, LateTransactionEndDoesNotPostponeOldNoise) {
  Unshipped unshipped = some_bytes();
  unshipped.first_end_arrival = kNow + minutes(3) - seconds(1);
  EXPECT_EQ(shipping_due(kRule, unshipped), kNow + minutes(3));
}

TEST(ShippingRule, WaitingCommitsShipAtOnceButNoiseDoesNot) {
  Unshipped unshipped = some_bytes();
  unshipped.synchronous = true;
  EXPECT_EQ(shipping_due(kRule, unshipped), kNow + minutes(3));
  unshipped.first_end_arrival = kNow;
  EXPECT_EQ(shipping_due(kRule, unshipped), SteadyTime::min());
}

TEST(ShippingRule, DemandShipsNoiseToo) {
  Unshipped unshipped = some_bytes();
  unshipped.demanded = true;
  EXPECT_EQ(shipping_due(kRule, unshipped), SteadyTime::min());
}

TEST(BackOff, DoublesUpToItsLimitAndSpreads) {
  BackOff back_off(milliseconds(100), milliseconds(350));
  EXPECT_EQ(back_off.take(0), milliseconds(50));
  EXPECT_EQ(back_off.take(0.5), milliseconds(150));
  EXPECT_EQ(back_off.take(0), milliseconds(175));
  EXPECT_EQ(back_off.take(0), milliseconds(175));
  back_off.reset();
  EXPECT_EQ(back_off.take(0), milliseconds(50));
}

}  // namespace
}  // namespace tidemark::archive
