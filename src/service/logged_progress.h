#pragma once
// Progress of a long job as log lines: one a minute, with rate and time left. Any thread.

#include <mutex>
#include <string>

#include "tidemark/clock.h"
#include "tidemark/progress.h"

namespace tidemark::service {

// "1.5 GB", "12 kB"; powers of ten.
std::string bytes_text(double bytes);
// "8 s", "12 min", "3.5 h".
std::string span_text(double seconds);

class LoggedProgress final : public Progress {
 public:
  LoggedProgress(std::string who, Clock& clock, Microseconds interval = std::chrono::minutes(1))
      : who_(std::move(who)), clock_(clock), interval_(interval) {}

  void begin(std::string_view phase, std::uint64_t total_bytes) override;
  void advance(std::uint64_t bytes) override;
  void note(std::string_view text) override;
  void end() override {}

 private:
  const std::string who_;
  Clock& clock_;
  const Microseconds interval_;
  std::mutex mutex_;  // guards all below
  std::string phase_;
  std::uint64_t total_ = 0, done_ = 0;
  std::chrono::steady_clock::time_point began_, told_;
};

}  // namespace tidemark::service
