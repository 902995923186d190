#include "cli/terminal_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace tidemark::cli {

namespace {

constexpr auto kTerminalEvery = std::chrono::milliseconds(200);
constexpr auto kPlainEvery = std::chrono::seconds(5);

}  // namespace

std::string render_bytes(double bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) bytes /= 1000, ++unit;
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string render_seconds(double seconds) {
  if (seconds < 100) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

TerminalProgress::TerminalProgress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

TerminalProgress::~TerminalProgress() { end(); }

void TerminalProgress::begin(std::string_view phase, std::uint64_t total_bytes) {
  const std::lock_guard lock(mutex_);
  if (!phase_.empty()) show(true);
  phase_ = phase;
  total_ = total_bytes;
  done_ = 0;
  begun_ = std::chrono::steady_clock::now();
  shown_ = begun_;
}

void TerminalProgress::advance(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  done_ += bytes;
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < (terminal_ ? std::chrono::steady_clock::duration(kTerminalEvery) : kPlainEvery)) return;
  shown_ = now;
  show(false);
}

void TerminalProgress::note(std::string_view text) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ && now - shown_ < kPlainEvery) return;
  shown_ = now;
  print_line(std::string(text), false);
}

void TerminalProgress::end() {
  const std::lock_guard lock(mutex_);
  if (!phase_.empty()) show(true);
  phase_.clear();
}

void TerminalProgress::show(bool last) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  std::string line = phase_;
  if (done_ > 0 && total_ > 0 && !last) {
    const double rate = static_cast<double>(done_) / (seconds > 0 ? seconds : 1);
    const double left = done_ < total_ ? static_cast<double>(total_ - done_) / rate : 0;
    line += fmt::format(": {:.0f} %, {} of {}, {}/s, {} left",
                        100.0 * static_cast<double>(done_) / static_cast<double>(total_),
                        render_bytes(static_cast<double>(done_)), render_bytes(static_cast<double>(total_)),
                        render_bytes(rate), render_seconds(left));
  } else if (done_ > 0) {
    line += fmt::format(": {} in {}, {}/s", render_bytes(static_cast<double>(done_)), render_seconds(seconds),
                        render_bytes(static_cast<double>(done_) / (seconds > 0 ? seconds : 1)));
  } else if (last) {
    line += fmt::format(": {}", render_seconds(seconds));
  }
  print_line(line, last);
}

void TerminalProgress::print_line(const std::string& line, bool last) {
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s%s", line.c_str(), last ? "\n" : "");
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  line_open_ = terminal_ && !last;
}

}  // namespace tidemark::cli
