#pragma once
// A position in the WAL: the byte offset since the start of the cluster's log, 64 bits.

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

class Lsn {
 public:
  constexpr Lsn() = default;  // 0/0, PostgreSQL's InvalidXLogRecPtr
  constexpr explicit Lsn(std::uint64_t value) : value_(value) {}

  constexpr std::uint64_t value() const { return value_; }
  constexpr bool valid() const { return value_ != 0; }
  constexpr auto operator<=>(const Lsn&) const = default;

  constexpr Lsn operator+(std::uint64_t bytes) const { return Lsn(value_ + bytes); }
  constexpr Lsn operator-(std::uint64_t bytes) const { return Lsn(value_ - bytes); }
  constexpr std::uint64_t operator-(Lsn other) const { return value_ - other.value_; }
  constexpr Lsn& operator+=(std::uint64_t bytes) {
    value_ += bytes;
    return *this;
  }

  std::string to_string() const;                           // "0/3000028", as PostgreSQL prints it
  static std::optional<Lsn> parse(std::string_view text);  // the same form only

 private:
  std::uint64_t value_ = 0;
};

}  // namespace tidemark

template <>
struct std::hash<tidemark::Lsn> {
  std::size_t operator()(tidemark::Lsn lsn) const noexcept { return std::hash<std::uint64_t>{}(lsn.value()); }
};
