#include "tidemark/instant.h"

#include <fmt/format.h>

#include <charconv>

namespace tidemark {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::sys_days;
using std::chrono::sys_time;
using std::chrono::year_month_day;

struct Parts {
  int year;
  unsigned month, day, hour, minute, second, micros;
};

Parts parts_of(Instant instant) {
  const sys_time<Microseconds> time{Microseconds(instant.unix_microseconds())};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const auto rest = static_cast<std::uint64_t>((time - day).count());
  const auto seconds = static_cast<unsigned>(rest / 1'000'000);
  return {int(date.year()),
          unsigned(date.month()),
          unsigned(date.day()),
          seconds / 3600,
          seconds / 60 % 60,
          seconds % 60,
          static_cast<unsigned>(rest % 1'000'000)};
}

// `form` holds digits' places as 'Y','M','D','h','m','s','u' and everything else literally.
std::optional<Instant> parse_form(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return std::nullopt;
  unsigned values[7] = {};
  constexpr std::string_view kFields = "YMDhmsu";
  for (std::size_t i = 0; i < form.size(); ++i) {
    const auto field = kFields.find(form[i]);
    if (field == kFields.npos) {
      if (text[i] != form[i]) return std::nullopt;
    } else {
      if (text[i] < '0' || text[i] > '9') return std::nullopt;
      values[field] = values[field] * 10 + static_cast<unsigned>(text[i] - '0');
    }
  }
  const year_month_day date{std::chrono::year(static_cast<int>(values[0])), std::chrono::month(values[1]),
                            std::chrono::day(values[2])};
  if (!date.ok() || values[3] > 23 || values[4] > 59 || values[5] > 59) return std::nullopt;
  const std::int64_t seconds =
      sys_days(date).time_since_epoch().count() * 86'400LL + values[3] * 3600 + values[4] * 60 + values[5];
  return Instant::from_unix(seconds * 1'000'000 + values[6]);
}

}  // namespace

std::string Instant::to_iso() const {
  const Parts p = parts_of(*this);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", p.year, p.month, p.day, p.hour, p.minute,
                     p.second, p.micros);
}

std::string Instant::to_compact() const {
  const Parts p = parts_of(*this);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}.{:06}Z", p.year, p.month, p.day, p.hour, p.minute,
                     p.second, p.micros);
}

// 'T' and 'Z' of the forms are literals; 'M' is the month and 'm' the minute.
std::optional<Instant> Instant::parse_iso(std::string_view text) {
  return parse_form(text, "YYYY-MM-DDThh:mm:ss.uuuuuuZ");
}

std::optional<Instant> Instant::parse_compact(std::string_view text) {
  return parse_form(text, "YYYYMMDDThhmmss.uuuuuuZ");
}

double to_seconds(Microseconds span) { return static_cast<double>(span.count()) / 1e6; }

}  // namespace tidemark
