#pragma once
// Random or composed names of things in a repository. Values, compared bytewise.

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "tidemark/bytes.h"
#include "tidemark/instant.h"

namespace tidemark {

// 16 random bytes, chosen when a repository is created; written in every object's header.
class RepositoryId {
 public:
  RepositoryId() = default;
  explicit RepositoryId(const std::array<Byte, 16>& bytes) : bytes_(bytes) {}
  ByteView bytes() const { return bytes_; }
  std::string to_string() const { return to_hex(bytes_); }
  static std::optional<RepositoryId> parse(std::string_view hex);
  auto operator<=>(const RepositoryId&) const = default;

 private:
  std::array<Byte, 16> bytes_{};
};

// A backup's name: its start time to the second and 4 hex digits, "20261122T030456Z-1f3a"; sorts by start
// time.
class BackupId {
 public:
  BackupId() = default;
  BackupId(Instant started, std::uint16_t random);
  const std::string& to_string() const { return text_; }
  static std::optional<BackupId> parse(std::string_view text);
  bool valid() const { return !text_.empty(); }
  auto operator<=>(const BackupId&) const = default;

 private:
  std::string text_;
};

}  // namespace tidemark
