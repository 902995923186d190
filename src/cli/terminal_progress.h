#pragma once
// Progress for people: one line that is rewritten on a terminal, a plain line every few seconds elsewhere, on
// standard error. Any thread.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "tidemark/progress.h"

namespace tidemark::cli {

class TerminalProgress final : public Progress {
 public:
  TerminalProgress();
  ~TerminalProgress() override;
  void begin(std::string_view phase, std::uint64_t total_bytes) override;
  void advance(std::uint64_t bytes) override;
  void note(std::string_view text) override;
  void end() override;

 private:
  void show(bool last);
  void print_line(const std::string& line, bool last);

  std::mutex mutex_;  // guards everything below
  const bool terminal_;
  std::string phase_;
  std::uint64_t total_ = 0, done_ = 0;
  std::chrono::steady_clock::time_point begun_, shown_;
  bool line_open_ = false;
};

std::string render_bytes(double bytes);      // "3.5 GB"
std::string render_seconds(double seconds);  // "4.2 s", "3 min 10 s"

}  // namespace tidemark::cli
