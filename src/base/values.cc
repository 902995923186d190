// Bodies of the small value types: lsn, timeline, identity.
#include <fmt/format.h>

#include <charconv>

#include "tidemark/error.h"
#include "tidemark/identity.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark {

namespace {

template <typename T>
std::optional<T> parse_whole(std::string_view text, int base) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

std::string Lsn::to_string() const {
  return fmt::format("{:X}/{:X}", static_cast<std::uint32_t>(value_ >> 32),
                     static_cast<std::uint32_t>(value_));
}

std::optional<Lsn> Lsn::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto high = parse_whole<std::uint32_t>(text.substr(0, slash), 16);
  const auto low = parse_whole<std::uint32_t>(text.substr(slash + 1), 16);
  if (!high || !low) return std::nullopt;
  return Lsn(static_cast<std::uint64_t>(*high) << 32 | *low);
}

std::string SystemId::to_string() const { return std::to_string(value_); }

std::optional<SystemId> SystemId::parse(std::string_view decimal) {
  const auto value = parse_whole<std::uint64_t>(decimal, 10);
  return value ? std::optional(SystemId(*value)) : std::nullopt;
}

std::optional<RepositoryId> RepositoryId::parse(std::string_view hex) {
  if (hex.size() != 32 || hex.find_first_not_of("0123456789abcdef") != hex.npos) return std::nullopt;
  std::array<Byte, 16> bytes;
  const Bytes decoded = from_hex(hex);
  std::copy(decoded.begin(), decoded.end(), bytes.begin());
  return RepositoryId(bytes);
}

BackupId::BackupId(Instant started, std::uint16_t random) {
  const std::string compact = started.to_compact();  // 20261122T030456.123456Z
  text_ = fmt::format("{}Z-{:04x}", compact.substr(0, 15), random);
}

std::optional<BackupId> BackupId::parse(std::string_view text) {
  if (text.size() != 21 || text[15] != 'Z' || text[16] != '-') return std::nullopt;
  if (!Instant::parse_compact(std::string(text.substr(0, 15)) + ".000000Z")) return std::nullopt;
  if (text.substr(17).find_first_not_of("0123456789abcdef") != text.npos) return std::nullopt;
  BackupId id;
  id.text_ = text;
  return id;
}

}  // namespace tidemark
