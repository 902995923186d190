#include "flow/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace tidemark::flow {
namespace {

TEST(BoundedQueue, KeepsTheOrder) {
  BoundedQueue<int> queue(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(i));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.pop(), i);
}

TEST(BoundedQueue, IsDrainedAfterTheClose) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  queue.push(std::make_unique<int>(5));
  queue.close();
  EXPECT_FALSE(queue.push(std::make_unique<int>(6)));
  EXPECT_EQ(**queue.pop(), 5);
  EXPECT_FALSE(queue.pop().has_value());
}

TEST(BoundedQueue, CarriesEverythingBetweenManyThreads) {
  constexpr int kProducers = 3, kItems = 2000;
  BoundedQueue<int> queue(4);
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&] {
      for (int i = 1; i <= kItems; ++i) queue.push(i);
    });
  }
  long sums[2] = {0, 0};
  std::vector<std::thread> consumers;
  for (long& sum : sums) {
    consumers.emplace_back([&queue, &sum] {
      while (const auto item = queue.pop()) sum += *item;
    });
  }
  for (auto& producer : producers) producer.join();
  queue.close();
  for (auto& consumer : consumers) consumer.join();
  EXPECT_EQ(sums[0] + sums[1], kProducers * (long{kItems} * (kItems + 1) / 2));
}

TEST(BoundedQueue, AnErrorReachesBothEnds) {
  BoundedQueue<int> queue(1);
  queue.push(1);
  std::exception_ptr seen;
  std::thread blocked([&] {
    try {
      queue.push(2);
    } catch (...) {
      seen = std::current_exception();
    }
  });
  queue.fail(std::make_exception_ptr(std::runtime_error("first")));
  queue.fail(std::make_exception_ptr(std::runtime_error("second")));
  blocked.join();
  ASSERT_TRUE(seen != nullptr);
  try {
    queue.pop();
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "first");
  }
}

TEST(BoundedQueue, TheCloseWakesWhoWaits) {
  BoundedQueue<int> queue(1);
  std::thread waiting([&] { EXPECT_FALSE(queue.pop().has_value()); });
  queue.close();
  waiting.join();
}

}  // namespace
}  // namespace tidemark::flow
