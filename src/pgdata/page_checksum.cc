#include "pgdata/page_checksum.h"

#include <array>

#include "tidemark/error.h"

namespace tidemark::pgdata {

namespace {

constexpr std::size_t kLanes = 32;
constexpr std::size_t kRowBytes = kLanes * 4;
constexpr std::uint32_t kPrime = 16'777'619;
constexpr std::size_t kChecksumAt = 8, kUpperAt = 14;

// Where each lane begins; part of the format.
alignas(32) constexpr std::array<std::uint32_t, kLanes> kSeeds = {
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756};

// Eight lanes in one register; the compiler splits them where registers are narrower. Four of these keep four
// multiplications in flight, which hides their latency.
using Lanes8 [[gnu::vector_size(32)]] = std::uint32_t;

[[gnu::always_inline]] inline void mix(Lanes8& sum, const Lanes8& value) {
  sum ^= value;
  sum = (sum * kPrime) ^ (sum >> 17);
}

// The lanes folded to 32 bits. Written once and compiled for several processors, hence always_inline.
[[gnu::always_inline]] inline std::uint32_t fold_page(const Byte* page, std::size_t size) {
  std::array<Lanes8, 4> sums, row;
  std::memcpy(sums.data(), kSeeds.data(), kRowBytes);
  std::memcpy(row.data(), page, kRowBytes);
  row[0][2] &= 0xFFFF0000U;  // the checksum itself counts as zero; the other half of the word are the flags
  for (std::size_t at = 0;;) {
    mix(sums[0], row[0]);
    mix(sums[1], row[1]);
    mix(sums[2], row[2]);
    mix(sums[3], row[3]);
    at += kRowBytes;
    if (at >= size) break;
    std::memcpy(row.data(), page + at, kRowBytes);
  }
  const Lanes8 zero = {};
  for (int round = 0; round < 2; ++round) {
    for (Lanes8& sum : sums) mix(sum, zero);
  }
  const Lanes8 all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
  std::uint32_t folded = 0;
  for (std::size_t lane = 0; lane < 8; ++lane) folded ^= all[lane];
  return folded;
}

std::uint32_t fold_page_plain(const Byte* page, std::size_t size) { return fold_page(page, size); }

#if defined(__x86_64__)
// The baseline of x86-64 has no 32-bit vector multiplication. Chosen by a branch, not by an ifunc: those run
// before a sanitizer is ready.
[[gnu::target("avx2")]] std::uint32_t fold_page_avx2(const Byte* page, std::size_t size) {
  return fold_page(page, size);
}

const auto fold_page_here = __builtin_cpu_supports("avx2") != 0 ? fold_page_avx2 : fold_page_plain;
#else
constexpr auto fold_page_here = fold_page_plain;
#endif

}  // namespace

bool all_zero(ByteView bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

std::uint16_t page_checksum(ByteView page, std::uint32_t block) {
  TIDEMARK_CHECK(page.size() >= kRowBytes && page.size() % kRowBytes == 0);
  const std::uint32_t folded = fold_page_here(page.data(), page.size()) ^ block;
  return static_cast<std::uint16_t>(folded % 65535 + 1);  // never 0
}

std::uint16_t stored_page_checksum(ByteView page) {
  return load_le<std::uint16_t>(page.data() + kChecksumAt);
}

Lsn page_lsn(ByteView page) {
  const std::uint64_t high = load_le<std::uint32_t>(page.data());
  return Lsn(high << 32 | load_le<std::uint32_t>(page.data() + 4));
}

PageVerdict judge_page(ByteView page, std::uint32_t block, Lsn backup_start, Lsn insert_lsn) {
  if (load_le<std::uint16_t>(page.data() + kUpperAt) == 0) {
    // A page that was never initialised. PostgreSQL believes this field alone and lets damage behind it pass.
    return all_zero(page) ? PageVerdict::empty : PageVerdict::bad;
  }
  if (page_checksum(page, block) == stored_page_checksum(page)) return PageVerdict::good;
  const Lsn lsn = page_lsn(page);
  return lsn >= backup_start && lsn <= insert_lsn ? PageVerdict::newer : PageVerdict::bad;
}

}  // namespace tidemark::pgdata
