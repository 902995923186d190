#pragma once
// The two checksums of the project: CRC-32C, which PostgreSQL uses for WAL records and pg_control, and
// XXH3-128, which names content in the repository (seeded with the repository's hash seed, so that equal
// content shows nothing outside).

#include <array>
#include <compare>
#include <cstdint>
#include <memory>

#include "tidemark/bytes.h"

namespace tidemark {

// Continues `crc` (0 to begin) over more bytes; initial and final inversion included.
std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  auto operator<=>(const Hash128&) const = default;
  std::string to_string() const;  // 32 hex digits, high first
};

Hash128 xxh3_128(ByteView bytes, std::uint64_t seed = 0);

// The same hash over bytes that come in pieces. Reusable after reset(). Movable, one thread at a time.
class Hasher128 {
 public:
  explicit Hasher128(std::uint64_t seed = 0);
  ~Hasher128();
  Hasher128(Hasher128&&) noexcept;
  Hasher128& operator=(Hasher128&&) noexcept;
  void update(ByteView bytes);
  Hash128 digest() const;
  void reset();

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t seed_;
};

}  // namespace tidemark
