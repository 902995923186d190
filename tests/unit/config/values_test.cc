#include "config/values.h"

#include <gtest/gtest.h>

#include "tidemark/error.h"

namespace tidemark::config {
namespace {

template <typename Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(ErrorKind::internal, "none");
}

TEST(Duration, KnowsEveryUnit) {
  EXPECT_EQ(parse_duration("250ms"), std::chrono::milliseconds(250));
  EXPECT_EQ(parse_duration("5s"), std::chrono::seconds(5));
  EXPECT_EQ(parse_duration("10m"), std::chrono::minutes(10));
  EXPECT_EQ(parse_duration("2h"), std::chrono::hours(2));
  EXPECT_EQ(parse_duration("7d"), std::chrono::hours(7 * 24));
  EXPECT_EQ(parse_duration("2w"), std::chrono::hours(14 * 24));
}

TEST(Duration, RefusesWhatIsNotOne) {
  for (const char* text :
       {"", "5", "s", "-5s", "5 s", "5x", "5.5s", "99999999999999999999s", "9223372036854775807w"}) {
    EXPECT_EQ(error_of([&] { parse_duration(text); }).kind(), ErrorKind::config) << text;
  }
}

TEST(Duration, StatesItsBounds) {
  const Option& option = *find_option(Scope::cluster, "objectives.rpo");
  const Error error = error_of([&] { parse_duration("2d", option); });
  EXPECT_EQ(error.message(), "2d is out of range");
  EXPECT_EQ(error.hint(), "choose from 1s to 1d");
}

TEST(Duration, RendersTheLargestUnitThatDivides) {
  EXPECT_EQ(render_duration(std::chrono::hours(24 * 7)), "1w");
  EXPECT_EQ(render_duration(std::chrono::seconds(90)), "90s");
  EXPECT_EQ(render_duration(Microseconds(0)), "0s");
}

TEST(Compression, IsNoneOrZstdWithALevel) {
  EXPECT_EQ(parse_compression("none"), 0);
  EXPECT_EQ(parse_compression("zstd:19"), 19);
  for (const char* text : {"zstd", "zstd:0", "zstd:20", "gzip:1", "zstd:1x"}) {
    EXPECT_EQ(error_of([&] { parse_compression(text); }).kind(), ErrorKind::config) << text;
  }
}

TEST(DayWindow, MayWrapAroundMidnight) {
  const DayWindow window = parse_day_window("22:30-04:00");
  EXPECT_TRUE(contains(window, 23 * 60));
  EXPECT_TRUE(contains(window, 60));
  EXPECT_FALSE(contains(window, 4 * 60));
  EXPECT_FALSE(contains(window, 12 * 60));
  for (const char* text : {"1:00-5:00", "01:00", "01:00-24:00", "01:00-01:00", "01:60-02:00"}) {
    EXPECT_EQ(error_of([&] { parse_day_window(text); }).kind(), ErrorKind::config) << text;
  }
}

TEST(Address, SplitsHostAndPort) {
  EXPECT_EQ(parse_address("127.0.0.1:9753"), (Address{"127.0.0.1", 9753}));
  EXPECT_EQ(parse_address("[::1]:80"), (Address{"::1", 80}));
  for (const char* text : {"9753", ":9753", "host:", "host:70000", "::1:80"}) {
    EXPECT_EQ(error_of([&] { parse_address(text); }).kind(), ErrorKind::config) << text;
  }
}

}  // namespace
}  // namespace tidemark::config
