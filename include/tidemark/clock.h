#pragma once
// Port: time. Jobs take a Clock so that tests can drive it.

#include <chrono>

#include "tidemark/instant.h"
#include "tidemark/stop.h"

namespace tidemark {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;                                   // wall clock; may step
  virtual std::chrono::steady_clock::time_point steady() const = 0;  // for durations
  // Returns early when a stop is requested; true when the time has passed. Any thread.
  virtual bool sleep(Microseconds span, const StopToken& stop) = 0;
};

Clock& system_clock();

}  // namespace tidemark
