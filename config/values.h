#pragma once
// Text of a setting into its value. Every function throws Error config with the reason and the accepted form;
// the caller adds the place.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/options.h"
#include "tidemark/instant.h"

namespace tidemark::config {

std::int64_t parse_integer(std::string_view text, const Option& option);
Microseconds parse_duration(std::string_view text);  // "500ms", "5s", "10m", "2h", "7d", "2w"
Microseconds parse_duration(std::string_view text, const Option& option);  // and its bounds
bool parse_boolean(std::string_view text);                                 // true, false, yes, no, on, off
int parse_compression(std::string_view text);                              // zstd level; "none" is 0

// Minutes after midnight; begin > end wraps around midnight.
struct DayWindow {
  int begin_minute = 0, end_minute = 24 * 60;
  bool operator==(const DayWindow&) const = default;
};
DayWindow parse_day_window(std::string_view text);
bool contains(const DayWindow& window, int minute_of_day);

struct Address {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const Address&) const = default;
};
Address parse_address(std::string_view text);  // "127.0.0.1:9753", "[::1]:9753"

std::string render_duration(Microseconds span);  // the largest unit that divides it

}  // namespace tidemark::config
