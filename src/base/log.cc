#include "tidemark/log.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <mutex>

#include "tidemark/clock.h"
#include "tidemark/progress.h"

namespace tidemark {

namespace {

std::mutex sink_mutex;  // guards sink, and keeps lines whole
LogSink sink;
std::atomic<LogLevel> lowest_level{LogLevel::info};

constexpr const char* kLevelNames[] = {"debug", "info", "warning", "error"};

}  // namespace

void set_log_sink(LogSink new_sink) {
  const std::lock_guard lock(sink_mutex);
  sink = std::move(new_sink);
}

void set_log_level(LogLevel lowest) { lowest_level = lowest; }

void log(LogLevel level, std::string_view room, std::string_view text) {
  if (level < lowest_level) return;
  const std::lock_guard lock(sink_mutex);
  if (sink) return sink(level, room, text);
  const std::string line = fmt::format("{} {} {}: {}\n", system_clock().now().to_iso(),
                                       kLevelNames[static_cast<int>(level)], room, text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

namespace {

class NoProgress final : public Progress {
 public:
  void begin(std::string_view, std::uint64_t) override {}
  void advance(std::uint64_t) override {}
  void note(std::string_view) override {}
  void end() override {}
};

}  // namespace

Progress& no_progress() {
  static NoProgress none;
  return none;
}

}  // namespace tidemark
