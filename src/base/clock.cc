#include "tidemark/clock.h"

#include <poll.h>

#include <algorithm>
#include <thread>

namespace tidemark {

namespace {

class SystemClock final : public Clock {
 public:
  Instant now() const override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return Instant::from_unix(std::chrono::duration_cast<Microseconds>(since).count());
  }

  std::chrono::steady_clock::time_point steady() const override { return std::chrono::steady_clock::now(); }

  bool sleep(Microseconds span, const StopToken& stop) override {
    const auto until = steady() + span;
    for (;;) {
      if (stop.stop_requested()) return false;
      const auto left = std::chrono::duration_cast<Microseconds>(until - steady());
      if (left.count() <= 0) return true;
      timespec wait{};
      const auto step = std::min<Microseconds>(left, std::chrono::hours(1));
      wait.tv_sec = step.count() / 1'000'000;
      wait.tv_nsec = step.count() % 1'000'000 * 1000;
      pollfd wake{stop.wake_descriptor(), POLLIN, 0};  // a negative descriptor is ignored
      ::ppoll(&wake, 1, &wait, nullptr);
    }
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace tidemark
