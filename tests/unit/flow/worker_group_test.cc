#include "flow/worker_group.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "flow/bounded_queue.h"

namespace tidemark::flow {
namespace {

// Blocks until the token is stopped: a condition variable, as a worker that waits on a queue does.
void wait_for_stop(const StopToken& stop) {
  BoundedQueue<int> queue(1);
  const std::stop_callback wake(stop.std_token(), [&] { queue.close(); });
  queue.pop();
}

TEST(WorkerGroup, RunsEveryBody) {
  std::atomic<int> count = 0;
  WorkerGroup group{StopToken()};
  for (int i = 0; i < 5; ++i) group.start([&](const StopToken&) { ++count; });
  group.join();
  EXPECT_EQ(count, 5);
}

TEST(WorkerGroup, TheFirstErrorStopsTheOthersAndComesOutOfJoin) {
  WorkerGroup group{StopToken()};
  std::atomic<bool> stopped = false;
  group.start([&](const StopToken& stop) {
    wait_for_stop(stop);
    stopped = true;
    throw std::runtime_error("a consequence");
  });
  group.start([](const StopToken&) { throw std::runtime_error("the cause"); });
  try {
    group.join();
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "the cause");
  }
  EXPECT_TRUE(stopped);
}

TEST(WorkerGroup, OnFailureRunsOnceBeforeTheJoin) {
  BoundedQueue<int> queue(1);
  std::atomic<int> calls = 0;
  WorkerGroup group(StopToken(), [&](std::exception_ptr error) {
    ++calls;
    queue.fail(std::move(error));
  });
  group.start([&](const StopToken&) {
    while (queue.pop()) {
    }
  });
  group.start([](const StopToken&) { throw std::runtime_error("broken"); });
  EXPECT_THROW(group.join(), std::runtime_error);
  EXPECT_EQ(calls, 1);
}

TEST(WorkerGroup, TheOuterStopReachesTheGroup) {
  StopSource outer;
  WorkerGroup group(outer.token());
  group.start(wait_for_stop);
  outer.request_stop();
  group.join();
  EXPECT_TRUE(group.token().stop_requested());
}

TEST(WorkerGroup, AnOuterStopBeforeTheStartCounts) {
  StopSource outer;
  outer.request_stop();
  WorkerGroup group(outer.token());
  bool stopped = false;
  group.start([&](const StopToken& stop) { stopped = stop.stop_requested(); });
  group.join();
  EXPECT_TRUE(stopped);
}

TEST(WorkerGroup, ItsEndStopsAndJoins) {
  std::atomic<bool> ended = false;
  {
    WorkerGroup group{StopToken()};
    group.start([&](const StopToken& stop) {
      wait_for_stop(stop);
      ended = true;
    });
  }
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace tidemark::flow
