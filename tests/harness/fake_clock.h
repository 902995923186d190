#pragma once
// A clock that stands still until told: sleeping advances it at once and returns. Any thread.

#include <mutex>
#include <vector>

#include "tidemark/clock.h"

namespace tidemark::harness {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(Instant start = Instant::from_unix(1'800'000'000'000'000)) : now_(start) {}

  Instant now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  std::chrono::steady_clock::time_point steady() const override {
    const std::lock_guard lock(mutex_);
    return steady_;
  }
  bool sleep(Microseconds span, const StopToken& stop) override {
    if (stop.stop_requested()) return false;
    advance(span);
    const std::lock_guard lock(mutex_);
    sleeps_.push_back(span);
    return true;
  }
  void advance(Microseconds span) {
    const std::lock_guard lock(mutex_);
    now_ = now_ + span;
    steady_ += span;
  }
  std::vector<Microseconds> sleeps() const {
    const std::lock_guard lock(mutex_);
    return sleeps_;
  }

 private:
  mutable std::mutex mutex_;  // guards all below
  Instant now_;
  std::chrono::steady_clock::time_point steady_{std::chrono::hours(1)};
  std::vector<Microseconds> sleeps_;
};

}  // namespace tidemark::harness
