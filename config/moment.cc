#include "config/moment.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "config/values.h"
#include "tidemark/error.h"

namespace tidemark::config {

namespace {

using LocalTime = date::local_time<Microseconds>;
using SystemTime = date::sys_time<Microseconds>;

const date::time_zone* find_zone(std::string_view name) {
  try {
    return date::locate_zone(std::string(name));
  } catch (const std::exception&) {
    throw Error(ErrorKind::config, fmt::format("the time zone '{}' is not known", name))
        .hint("use a name of the time zone database, such as Europe/Berlin or UTC");
  }
}

Instant to_instant(SystemTime time) { return Instant::from_unix(time.time_since_epoch().count()); }

// A cursor over digits and separators.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool take(char wanted) {
    if (at_end() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  std::optional<int> digits(std::size_t least, std::size_t most) {
    std::size_t end = at_;
    while (end < text_.size() && end - at_ < most && text_[end] >= '0' && text_[end] <= '9') ++end;
    if (end - at_ < least) return std::nullopt;
    int value = 0;
    std::from_chars(text_.data() + at_, text_.data() + end, value);
    at_ = end;
    return value;
  }
  std::size_t position() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  std::string_view rest() const { return text_.substr(at_); }
  void skip_blanks() {
    while (take(' ')) {
    }
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

struct WrittenTime {
  LocalTime local;
  std::optional<Microseconds> offset;  // east of UTC
  std::string canonical;               // "2026-11-22 14:30:00.123456", for hints
};

std::optional<int> scan_fraction(Scanner& in) {
  const std::size_t before = in.position();
  const auto digits = in.digits(1, 6);
  if (!digits) return std::nullopt;
  int micros = *digits;
  for (std::size_t i = in.position() - before; i < 6; ++i) micros *= 10;
  return micros;
}

// "Z", "+01", "+0130", "+01:30", "-05"; nullopt and untouched when there is none.
std::optional<Microseconds> scan_offset(Scanner& in) {
  if (in.take('Z') || in.take('z')) return Microseconds(0);
  const int sign = in.take('+') ? 1 : in.take('-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  const auto hours = in.digits(2, 2);
  if (!hours || *hours > 15) return std::nullopt;
  int minutes = 0;
  const bool colon = in.take(':');
  if (const auto given = in.digits(2, 2)) {
    minutes = *given;
  } else if (colon) {
    return std::nullopt;
  }
  if (minutes > 59) return std::nullopt;
  return sign * Microseconds(std::chrono::hours(*hours) + std::chrono::minutes(minutes));
}

std::optional<WrittenTime> parse_written(std::string_view text) {
  Scanner in(text);
  const auto year = in.digits(4, 4);
  if (!year || !in.take('-')) return std::nullopt;
  const auto month = in.digits(1, 2);
  if (!month || !in.take('-')) return std::nullopt;
  const auto day = in.digits(1, 2);
  if (!day || !(in.take('T') || in.take(' '))) return std::nullopt;
  in.skip_blanks();
  const auto hour = in.digits(1, 2);
  if (!hour || !in.take(':')) return std::nullopt;
  const auto minute = in.digits(2, 2);
  if (!minute) return std::nullopt;
  int second = 0, micros = 0;
  if (in.take(':')) {
    const auto given = in.digits(2, 2);
    if (!given) return std::nullopt;
    second = *given;
    if (in.take('.')) {
      const auto fraction = scan_fraction(in);
      if (!fraction) return std::nullopt;
      micros = *fraction;
    }
  }
  const auto calendar = date::year(*year) / *month / *day;
  if (!calendar.ok() || *hour > 23 || *minute > 59 || second > 59) return std::nullopt;
  in.skip_blanks();
  WrittenTime written;
  written.offset = scan_offset(in);
  if (!in.at_end()) return std::nullopt;
  written.local = date::local_days(calendar) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                  std::chrono::seconds(second) + Microseconds(micros);
  written.canonical =
      fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", *year, *month, *day, *hour, *minute, second);
  if (micros != 0) written.canonical += fmt::format(".{:06}", micros);
  return written;
}

std::string render_offset(std::chrono::seconds offset) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(offset).count();
  const auto size = minutes < 0 ? -minutes : minutes;
  return size % 60 == 0 ? fmt::format("{}{:02}", minutes < 0 ? '-' : '+', size / 60)
                        : fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

// What the text means in the machine's own zone: the likeliest reading after UTC.
std::string likely_readings(const WrittenTime& written) {
  std::string readings = fmt::format("--to \"{}Z\" (UTC)", written.canonical);
  try {
    const date::time_zone* here = date::current_zone();
    const auto info = here->get_info(written.local);
    if (info.result == date::local_info::unique && info.first.offset.count() != 0) {
      readings += fmt::format(" or --to \"{}{}\" ({}, this machine's zone)", written.canonical,
                              render_offset(info.first.offset), here->name());
    }
  } catch (const std::exception&) {
    // a machine without a zone of its own: UTC stays the one reading to offer
  }
  return readings;
}

Instant in_zone(const WrittenTime& written, std::string_view timezone) {
  const auto info = find_zone(timezone)->get_info(written.local);
  if (info.result == date::local_info::unique) {
    return to_instant(SystemTime(written.local.time_since_epoch() - info.first.offset));
  }
  const bool twice = info.result == date::local_info::ambiguous;
  throw Error(ErrorKind::usage, fmt::format("{} {} in {}, where the clocks change then", written.canonical,
                                            twice ? "happens twice" : "does not exist", timezone))
      .code("time_ambiguous")
      .hint(fmt::format("say which you mean: --to \"{0}{1}\" or --to \"{0}{2}\"", written.canonical,
                        render_offset(info.first.offset), render_offset(info.second.offset)));
}

}  // namespace

void check_timezone(std::string_view name) { find_zone(name); }

std::optional<Instant> parse_moment(std::string_view text, Instant now,
                                    const std::optional<std::string>& timezone) {
  if (text.ends_with(" ago")) {
    try {
      return now - parse_duration(text.substr(0, text.size() - 4));
    } catch (const Error& error) {
      throw Error(ErrorKind::usage, fmt::format("'{}' is not a time: {}", text, error.message()))
          .hint(error.hint());
    }
  }
  const auto written = parse_written(text);
  if (!written) return std::nullopt;
  if (written->offset) return to_instant(SystemTime(written->local.time_since_epoch() - *written->offset));
  if (timezone) return in_zone(*written, *timezone);
  throw Error(ErrorKind::usage, fmt::format("the time '{}' has neither an offset nor a zone", text))
      .code("time_without_zone")
      .hint(likely_readings(*written) + "; or give --timezone, or set timezone: for the cluster");
}

std::string render_local(Instant instant, std::string_view timezone) {
  const SystemTime time{Microseconds(instant.unix_microseconds())};
  const auto info = find_zone(timezone)->get_info(time);
  const auto local = Instant::from_unix((time + info.offset).time_since_epoch().count()).to_iso();
  return fmt::format("{} {}{} {}", local.substr(0, 10), local.substr(11, 15), render_offset(info.offset),
                     timezone);
}

int minute_of_day(Instant instant, const std::optional<std::string>& timezone) {
  SystemTime time{Microseconds(instant.unix_microseconds())};
  if (timezone) time += find_zone(*timezone)->get_info(time).offset;
  const auto since_midnight = time - date::floor<date::days>(time);
  return static_cast<int>(std::chrono::duration_cast<std::chrono::minutes>(since_midnight).count());
}

}  // namespace tidemark::config
