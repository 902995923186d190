#pragma once
// A descriptor that any thread makes readable to wake the one thread that polls it.

#include <chrono>

namespace tidemark::archive {

class WakeUp {
 public:
  WakeUp();
  ~WakeUp();
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;
  int descriptor() const { return descriptor_; }
  void signal();                                                    // any thread
  void clear();                                                     // before looking at what may have changed
  void wait_until(std::chrono::steady_clock::time_point deadline);  // signalled, or the deadline

 private:
  int descriptor_;
};

}  // namespace tidemark::archive
