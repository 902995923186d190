// Errors, stopping, clocks and log lines.
#include <gtest/gtest.h>
#include <poll.h>

#include <thread>
#include <vector>

#include "tidemark/clock.h"
#include "tidemark/error.h"
#include "tidemark/log.h"
#include "tidemark/stop.h"

namespace tidemark {

namespace {

TEST(Error, CarriesKindCodeHintAndContext) {
  Error error =
      Error(ErrorKind::refused, "the target is outside").code("target_before_window").hint("take another");
  EXPECT_EQ(error.code(), "target_before_window");
  EXPECT_EQ(error.hint(), "take another");
  EXPECT_STREQ(error.what(), "the target is outside");
  error.add_context("planning");
  error.add_context("restoring main");
  EXPECT_STREQ(error.what(), "restoring main: planning: the target is outside");
  EXPECT_EQ(error.message(), "the target is outside");
  const Error copy = error;
  EXPECT_STREQ(copy.what(), error.what());
}

TEST(Error, FallsBackToTheKindsLabel) {
  EXPECT_EQ(Error(ErrorKind::corrupt, "x").code(), "corrupt");
  EXPECT_EQ(traits(ErrorKind::usage).exit_status, 2);
  EXPECT_EQ(traits(ErrorKind::refused).exit_status, 3);
  EXPECT_TRUE(traits(ErrorKind::unavailable).retry);
  EXPECT_FALSE(traits(ErrorKind::io).retry);
}

TEST(Error, ExplainsErrno) {
  const Error full = errno_error(ENOSPC, "writing /a");
  EXPECT_EQ(full.kind(), ErrorKind::io);
  EXPECT_EQ(full.code(), "no_space");
  EXPECT_EQ(full.message(), "writing /a: No space left on device");
  EXPECT_FALSE(full.hint().empty());
  EXPECT_EQ(errno_error(EIO, "reading /a").code(), "io");
}

TEST(Check, NamesThePlaceAndAborts) {
  EXPECT_DEATH(TIDEMARK_CHECK(1 + 1 == 3), "internal check failed: 1 \\+ 1 == 3 at .*runtime_test.cc");
}

bool readable(int descriptor) {
  pollfd wake{descriptor, POLLIN, 0};
  return ::poll(&wake, 1, 0) == 1;
}

TEST(StopToken, WakesAPollForGood) {
  StopSource source;
  const StopToken token = source.token();
  EXPECT_FALSE(token.stop_requested());
  EXPECT_FALSE(readable(token.wake_descriptor()));
  token.throw_if_stopped();
  source.request_stop();
  source.request_stop();
  EXPECT_TRUE(token.stop_requested());
  EXPECT_TRUE(readable(token.wake_descriptor()));
  EXPECT_TRUE(readable(token.wake_descriptor()));
  EXPECT_TRUE(source.token().stop_requested());
  EXPECT_THROW(token.throw_if_stopped(), Error);
}

TEST(StopToken, OutlivesItsSource) {
  StopToken token;
  EXPECT_EQ(token.wake_descriptor(), -1);
  EXPECT_FALSE(token.stop_requested());
  {
    StopSource source;
    token = source.token();
  }
  EXPECT_GE(token.wake_descriptor(), 0);
  EXPECT_FALSE(token.stop_requested());
}

TEST(SystemClock, SleepsUntilToldToStop) {
  EXPECT_TRUE(system_clock().sleep(Microseconds(100), StopToken()));
  EXPECT_TRUE(system_clock().sleep(Microseconds(-5), StopToken()));
  StopSource source;
  std::jthread stopper([&] { source.request_stop(); });
  EXPECT_FALSE(system_clock().sleep(std::chrono::hours(24), source.token()));
  EXPECT_GT(system_clock().now(), *Instant::parse_iso("2024-01-01T00:00:00.000000Z"));
}

TEST(Log, GoesToTheSinkFromTheLevelOn) {
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel, std::string_view room, std::string_view text) {
    lines.push_back(std::string(room) + ": " + std::string(text));
  });
  log_debug("disk", "hidden");
  log_warning("disk", "shown");
  set_log_level(LogLevel::error);
  log_warning("disk", "hidden");
  set_log_level(LogLevel::info);
  set_log_sink({});
  EXPECT_EQ(lines, std::vector<std::string>{"disk: shown"});
}

}  // namespace

}  // namespace tidemark
