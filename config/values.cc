#include "config/values.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "tidemark/error.h"

namespace tidemark::config {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t microseconds;
};
constexpr std::array kUnits = {
    Unit{"w", 7 * 86'400'000'000}, Unit{"d", 86'400'000'000}, Unit{"h", 3'600'000'000},
    Unit{"m", 60'000'000},         Unit{"s", 1'000'000},      Unit{"ms", 1'000},
};

template <typename T>
bool parse_all(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Error bad(std::string message, std::string hint) {
  return Error(ErrorKind::config, std::move(message)).hint(std::move(hint));
}

}  // namespace

std::int64_t parse_integer(std::string_view text, const Option& option) {
  std::int64_t value = 0;
  if (!parse_all(text, value))
    throw bad(fmt::format("'{}' is not a whole number", text), "write digits only");
  if (option.maximum != 0 && (value < option.minimum || value > option.maximum)) {
    throw bad(fmt::format("{} is out of range", value),
              fmt::format("choose a number from {} to {}", option.minimum, option.maximum));
  }
  return value;
}

Microseconds parse_duration(std::string_view text) {
  const auto split = text.find_first_not_of("0123456789");
  std::int64_t count = 0;
  if (split != text.npos && split > 0 && parse_all(text.substr(0, split), count)) {
    for (const Unit& unit : kUnits) {
      if (text.substr(split) == unit.name && count <= INT64_MAX / unit.microseconds) {
        return Microseconds(count * unit.microseconds);
      }
    }
  }
  throw bad(fmt::format("'{}' is not a duration", text),
            "write a number and one of ms, s, m, h, d, w, such as 10m");
}

Microseconds parse_duration(std::string_view text, const Option& option) {
  const Microseconds span = parse_duration(text);
  const Microseconds least = std::chrono::seconds(option.minimum),
                     most = std::chrono::seconds(option.maximum);
  if (option.maximum != 0 && (span < least || span > most)) {
    throw bad(fmt::format("{} is out of range", text),
              fmt::format("choose from {} to {}", render_duration(least), render_duration(most)));
  }
  return span;
}

bool parse_boolean(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  throw bad(fmt::format("'{}' is neither true nor false", text), "write true or false");
}

int parse_compression(std::string_view text) {
  if (text == "none") return 0;
  int level = 0;
  if (text.starts_with("zstd:") && parse_all(text.substr(5), level) && level >= 1 && level <= 19)
    return level;
  throw bad(fmt::format("'{}' is not a compression", text),
            "write none, or zstd: and a level from 1 to 19, such as zstd:1");
}

namespace {

int parse_minute_of_day(std::string_view text) {
  int hour = 0, minute = 0;
  const bool good = text.size() == 5 && text[2] == ':' && parse_all(text.substr(0, 2), hour) &&
                    parse_all(text.substr(3), minute) && hour >= 0 && hour <= 23 && minute >= 0 &&
                    minute <= 59;
  return good ? hour * 60 + minute : -1;
}

}  // namespace

DayWindow parse_day_window(std::string_view text) {
  const auto dash = text.find('-');
  if (dash != text.npos) {
    const DayWindow window{parse_minute_of_day(text.substr(0, dash)),
                           parse_minute_of_day(text.substr(dash + 1))};
    if (window.begin_minute >= 0 && window.end_minute >= 0 && window.begin_minute != window.end_minute)
      return window;
  }
  throw bad(fmt::format("'{}' is not a daily window", text), "write two times of day, such as 01:00-05:00");
}

bool contains(const DayWindow& window, int minute) {
  if (window.begin_minute < window.end_minute)
    return minute >= window.begin_minute && minute < window.end_minute;
  return minute >= window.begin_minute || minute < window.end_minute;
}

Address parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon != text.npos && colon > 0 && parse_all(text.substr(colon + 1), port)) {
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (bracketed || host.find(':') == host.npos) return {std::string(host), port};
  }
  throw bad(fmt::format("'{}' is not an address", text),
            "write host:port, such as 127.0.0.1:9753 or [::1]:9753");
}

std::string render_duration(Microseconds span) {
  if (span.count() == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (span.count() % unit.microseconds == 0)
      return fmt::format("{}{}", span.count() / unit.microseconds, unit.name);
  }
  return fmt::format("{}us", span.count());
}

}  // namespace tidemark::config
