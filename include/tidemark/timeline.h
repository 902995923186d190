#pragma once
// Numbers that identify a history: the timeline, and the cluster (its system identifier).

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

class TimelineId {
 public:
  constexpr TimelineId() = default;  // 0 is no timeline
  constexpr explicit TimelineId(std::uint32_t value) : value_(value) {}
  constexpr std::uint32_t value() const { return value_; }
  constexpr bool valid() const { return value_ != 0; }
  constexpr auto operator<=>(const TimelineId&) const = default;
  constexpr TimelineId next() const { return TimelineId(value_ + 1); }

 private:
  std::uint32_t value_ = 0;
};

class SystemId {
 public:
  constexpr SystemId() = default;
  constexpr explicit SystemId(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr auto operator<=>(const SystemId&) const = default;
  std::string to_string() const;  // decimal, as IDENTIFY_SYSTEM has it
  static std::optional<SystemId> parse(std::string_view decimal);

 private:
  std::uint64_t value_ = 0;
};

}  // namespace tidemark
