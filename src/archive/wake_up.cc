#include "archive/wake_up.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "tidemark/error.h"

namespace tidemark::archive {

WakeUp::WakeUp() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw errno_error(errno, "creating an eventfd");
}

WakeUp::~WakeUp() { ::close(descriptor_); }

// Fails only when the counter is full, and then it is readable anyway.
void WakeUp::signal() { ::eventfd_write(descriptor_, 1); }

void WakeUp::clear() {
  eventfd_t count = 0;
  ::eventfd_read(descriptor_, &count);
}

void WakeUp::wait_until(std::chrono::steady_clock::time_point deadline) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  pollfd wake{descriptor_, POLLIN, 0};
  ::poll(&wake, 1, static_cast<int>(std::clamp(left, milliseconds(0), milliseconds(60'000)).count()));
}

}  // namespace tidemark::archive
