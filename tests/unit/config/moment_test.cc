#include "config/moment.h"

#include <gtest/gtest.h>

#include "tidemark/error.h"

namespace tidemark::config {
namespace {

const Instant kNow = *Instant::parse_iso("2026-11-22T12:00:00.000000Z");

std::string read(std::string_view text, const std::optional<std::string>& zone = std::nullopt) {
  const auto moment = parse_moment(text, kNow, zone);
  return moment ? moment->to_iso() : "none";
}

Error error_of(std::string_view text, const std::optional<std::string>& zone = std::nullopt) {
  try {
    parse_moment(text, kNow, zone);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted: " << text;
  return Error(ErrorKind::internal, "none");
}

TEST(Moment, TakesOffsetsInEveryForm) {
  EXPECT_EQ(read("2026-11-22 14:30:00+01"), "2026-11-22T13:30:00.000000Z");
  EXPECT_EQ(read("2026-11-22T14:30:00.5Z"), "2026-11-22T14:30:00.500000Z");
  EXPECT_EQ(read("2026-11-22 14:30:00.123456 -05:30"), "2026-11-22T20:00:00.123456Z");
  EXPECT_EQ(read("2026-11-22 14:30+0130"), "2026-11-22T13:00:00.000000Z");
}

TEST(Moment, TakesTheZoneWhenThereIsNoOffset) {
  EXPECT_EQ(read("2026-07-01 14:30:00", "Europe/Berlin"), "2026-07-01T12:30:00.000000Z");
  EXPECT_EQ(read("2026-01-01 14:30:00", "Europe/Berlin"), "2026-01-01T13:30:00.000000Z");
  EXPECT_EQ(read("2026-07-01 14:30:00Z", "Europe/Berlin"), "2026-07-01T14:30:00.000000Z");
}

TEST(Moment, CountsBackFromNow) {
  EXPECT_EQ(read("10m ago"), "2026-11-22T11:50:00.000000Z");
  EXPECT_EQ(error_of("ten ago").kind(), ErrorKind::usage);
}

TEST(Moment, WithoutOffsetAndZoneSpellsOutTheReadings) {
  const Error error = error_of("2026-11-22 14:30");
  EXPECT_EQ(error.code(), "time_without_zone");
  EXPECT_NE(error.hint().find("--to \"2026-11-22 14:30:00Z\" (UTC)"), std::string::npos) << error.hint();
}

TEST(Moment, AHourThatHappensTwiceIsAsked) {
  const Error error = error_of("2026-10-25 02:30:00", "Europe/Berlin");
  EXPECT_EQ(error.code(), "time_ambiguous");
  EXPECT_NE(error.hint().find("--to \"2026-10-25 02:30:00+02\" or --to \"2026-10-25 02:30:00+01\""),
            std::string::npos)
      << error.hint();
  EXPECT_NE(error_of("2026-03-29 02:30:00", "Europe/Berlin").message().find("does not exist"),
            std::string::npos);
}

TEST(Moment, LeavesOtherTextAlone) {
  for (const char* text :
       {"latest", "lsn:0/1", "2026-13-01 00:00:00Z", "2026-11-22", "2026-11-22 25:00:00Z",
        "2026-11-22 14:30:00+1", "2026-11-22 14:30:00Zx", "2026-11-22 14:30:00.1234567Z", ""}) {
    EXPECT_EQ(read(text), "none") << text;
  }
}

TEST(Moment, IsEchoedInTheZone) {
  EXPECT_EQ(render_local(kNow, "Europe/Berlin"), "2026-11-22 13:00:00.000000+01 Europe/Berlin");
  EXPECT_EQ(minute_of_day(kNow, "Europe/Berlin"), 13 * 60);
  EXPECT_EQ(minute_of_day(kNow, std::nullopt), 12 * 60);
}

}  // namespace
}  // namespace tidemark::config
