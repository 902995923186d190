#include "tidemark/checksum.h"

#include <fmt/format.h>
#include <isa-l.h>
#include <xxhash.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark {
namespace {

// isa-l returns with the upper halves of the vector registers in use; every old-style SSE instruction behind
// that waits for a switch of modes, which cost more than the checksum of a short WAL record.
#if defined(__x86_64__)
__attribute__((target("avx"))) void clear_upper_halves() { _mm256_zeroupper(); }
const bool kHasUpperHalves = __builtin_cpu_supports("avx") != 0;
void leave_vectors() {
  if (kHasUpperHalves) clear_upper_halves();
}
#else
void leave_vectors() {}
#endif

}  // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t crc) {
  crc = ~crc;
  while (!bytes.empty()) {  // isa-l takes an int length and, though it only reads, a mutable pointer
    const std::size_t step = std::min<std::size_t>(bytes.size(), 1U << 30);
    crc = crc32_iscsi(const_cast<Byte*>(bytes.data()), static_cast<int>(step), crc);
    bytes = bytes.subspan(step);
  }
  leave_vectors();
  return ~crc;
}

std::string Hash128::to_string() const { return fmt::format("{:016x}{:016x}", high, low); }

Hash128 xxh3_128(ByteView bytes, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.low64, hash.high64};
}

struct Hasher128::State {
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
};

Hasher128::Hasher128(std::uint64_t seed) : state_(std::make_unique<State>()), seed_(seed) {
  TIDEMARK_CHECK(state_->xxh != nullptr);
  reset();
}
Hasher128::~Hasher128() = default;
Hasher128::Hasher128(Hasher128&&) noexcept = default;
Hasher128& Hasher128::operator=(Hasher128&&) noexcept = default;

void Hasher128::reset() { XXH3_128bits_reset_withSeed(state_->xxh, seed_); }

void Hasher128::update(ByteView bytes) { XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size()); }

Hash128 Hasher128::digest() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->xxh);
  return {hash.low64, hash.high64};
}

}  // namespace tidemark
