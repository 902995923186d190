#include "service/systemd.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>

namespace tidemark::service {

// Its failures are the service manager's to notice: we go on without it.
void notify_ready() { static_cast<void>(sd_notify(0, "READY=1")); }
void notify_stopping() { static_cast<void>(sd_notify(0, "STOPPING=1")); }
void notify_alive() { static_cast<void>(sd_notify(0, "WATCHDOG=1")); }

void notify_status(const std::string& text) {
  std::string line = "STATUS=" + text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  static_cast<void>(sd_notify(0, line.c_str()));
}

std::optional<std::chrono::milliseconds> watchdog_period() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::max(std::chrono::milliseconds(100), std::chrono::milliseconds(microseconds / 2000));
}

}  // namespace tidemark::service
