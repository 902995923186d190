#include "service/logged_progress.h"

#include <fmt/format.h>

#include "tidemark/log.h"

namespace tidemark::service {

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) bytes /= 1000, ++unit;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= 100 ? 0 : 1, kUnits[unit]);
}

std::string span_text(double seconds) {
  if (seconds < 100) return fmt::format("{:.{}f} s", seconds, seconds < 10 ? 1 : 0);
  if (seconds < 2 * 3600) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

void LoggedProgress::begin(std::string_view phase, std::uint64_t total_bytes) {
  const std::lock_guard lock(mutex_);
  phase_ = phase;
  total_ = total_bytes;
  done_ = 0;
  began_ = told_ = clock_.steady();
}

void LoggedProgress::advance(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  done_ += bytes;
  const auto now = clock_.steady();
  if (now - told_ < interval_) return;
  told_ = now;
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const double rate = static_cast<double>(done_) / seconds;
  std::string text = fmt::format("{}: {}: {}", who_, phase_, bytes_text(static_cast<double>(done_)));
  if (total_ > 0) text += fmt::format(" of {}", bytes_text(static_cast<double>(total_)));
  text += fmt::format(", {}/s", bytes_text(rate));
  if (total_ > done_ && rate > 0) {
    text += fmt::format(", {} left", span_text(static_cast<double>(total_ - done_) / rate));
  }
  log_info("service", text);
}

void LoggedProgress::note(std::string_view text) { log_info("service", fmt::format("{}: {}", who_, text)); }

}  // namespace tidemark::service
