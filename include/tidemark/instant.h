#pragma once
// A moment in UTC with microseconds, counted as PostgreSQL's TimestampTz counts: since 2000-01-01 00:00:00
// UTC.

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

using Microseconds = std::chrono::microseconds;

class Instant {
 public:
  constexpr Instant() = default;  // 2000-01-01 00:00:00 UTC
  constexpr static Instant from_postgres(std::int64_t microseconds) { return Instant(microseconds); }
  constexpr static Instant from_unix(std::int64_t microseconds) { return Instant(microseconds - kEpochGap); }

  constexpr std::int64_t postgres_microseconds() const { return since_2000_; }
  constexpr std::int64_t unix_microseconds() const { return since_2000_ + kEpochGap; }

  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Microseconds span) const { return Instant(since_2000_ + span.count()); }
  constexpr Instant operator-(Microseconds span) const { return Instant(since_2000_ - span.count()); }
  constexpr Microseconds operator-(Instant other) const {
    return Microseconds(since_2000_ - other.since_2000_);
  }

  std::string to_iso() const;      // "2026-11-22T03:04:56.123456Z"
  std::string to_compact() const;  // "20261122T030456.123456Z": sorts by time, fit for object names
  static std::optional<Instant> parse_iso(std::string_view text);      // exactly to_iso()'s form
  static std::optional<Instant> parse_compact(std::string_view text);  // exactly to_compact()'s form

 private:
  constexpr explicit Instant(std::int64_t since_2000) : since_2000_(since_2000) {}
  static constexpr std::int64_t kEpochGap = 946'684'800LL * 1'000'000;
  std::int64_t since_2000_ = 0;
};

double to_seconds(Microseconds span);

}  // namespace tidemark
