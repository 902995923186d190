#include "pgdata/page_checksum.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace tidemark::pgdata {
namespace {

constexpr std::size_t kPageBytes = 8192;

Bytes random_page(std::uint32_t seed, std::size_t size = kPageBytes) {
  std::mt19937 generator(seed);
  Bytes page(size);
  for (Byte& byte : page) byte = static_cast<Byte>(generator());
  return page;
}

void set_header(Bytes& page, Lsn lsn, std::uint16_t upper) {
  store_le(page.data(), static_cast<std::uint32_t>(lsn.value() >> 32));
  store_le(page.data() + 4, static_cast<std::uint32_t>(lsn.value()));
  store_le(page.data() + 14, upper);
}

Bytes sound_page(std::uint32_t block, Lsn lsn) {
  Bytes page = random_page(block);
  set_header(page, lsn, 4000);
  store_le(page.data() + 8, page_checksum(page, block));
  return page;
}

TEST(PageChecksum, IgnoresTheChecksumFieldAndNothingElse) {
  Bytes page = random_page(1);
  const std::uint16_t before = page_checksum(page, 7);
  page[8] ^= 0xFF;
  page[9] ^= 0xFF;
  EXPECT_EQ(page_checksum(page, 7), before);
  for (const std::size_t at : {0U, 7U, 10U, 11U, 127U, 128U, 4095U, 8191U}) {
    Bytes changed = page;
    changed[at] ^= 1;
    EXPECT_NE(page_checksum(changed, 7), before) << at;
  }
}

TEST(PageChecksum, DependsOnTheBlockNumberAndIsNeverZero) {
  const Bytes page = random_page(2);
  EXPECT_NE(page_checksum(page, 1), page_checksum(page, 2));
  for (std::uint32_t block = 0; block < 70'000; ++block) ASSERT_NE(page_checksum(page, block), 0);
}

TEST(PageChecksum, TakesEveryBlockSizeOfPostgres) {
  for (std::size_t size = 1024; size <= 32768; size *= 2) {
    Bytes page = random_page(3, size);
    const std::uint16_t before = page_checksum(page, 0);
    page[size - 1] ^= 1;
    EXPECT_NE(page_checksum(page, 0), before) << size;
  }
}

TEST(PageLsn, TakesTheHighHalfFirst) {
  Bytes page(kPageBytes);
  store_le(page.data(), std::uint32_t{0x12});
  store_le(page.data() + 4, std::uint32_t{0x3456});
  EXPECT_EQ(page_lsn(page).to_string(), "12/3456");
}

TEST(AllZero, FindsAnyOtherByte) {
  Bytes page(kPageBytes);
  EXPECT_TRUE(all_zero(page));
  EXPECT_TRUE(all_zero(ByteView()));
  for (const std::size_t at : {0U, 1U, 4096U, 8191U}) {
    page[at] = 1;
    EXPECT_FALSE(all_zero(page)) << at;
    page[at] = 0;
  }
}

TEST(JudgePage, AcceptsAMatchingChecksumWhateverItsLsn) {
  EXPECT_EQ(judge_page(sound_page(5, Lsn(10)), 5, Lsn(100), Lsn(200)), PageVerdict::good);
  EXPECT_EQ(judge_page(sound_page(5, Lsn(1000)), 5, Lsn(100), Lsn(200)), PageVerdict::good);
}

TEST(JudgePage, SeesAPageOfAnotherBlock) {
  EXPECT_EQ(judge_page(sound_page(5, Lsn(10)), 6, Lsn(100), Lsn(200)), PageVerdict::bad);
}

TEST(JudgePage, ExcusesTornPagesThatWalWillReplayAndNoOthers) {
  Bytes page = sound_page(9, Lsn(0));
  page[5000] ^= 1;
  const auto with_lsn = [&](std::uint64_t lsn) {
    set_header(page, Lsn(lsn), 4000);
    return judge_page(page, 9, Lsn(100), Lsn(200));
  };
  EXPECT_EQ(with_lsn(99), PageVerdict::bad);
  EXPECT_EQ(with_lsn(100), PageVerdict::newer);
  EXPECT_EQ(with_lsn(200), PageVerdict::newer);
  EXPECT_EQ(with_lsn(201), PageVerdict::bad) << "a position the server has not reached is garbage";
}

TEST(JudgePage, WantsANewPageToBeZeroThroughout) {
  Bytes page(kPageBytes);
  EXPECT_EQ(judge_page(page, 3, Lsn(100), Lsn(200)), PageVerdict::empty);
  page[6000] = 1;
  EXPECT_EQ(judge_page(page, 3, Lsn(100), Lsn(200)), PageVerdict::bad);
}

}  // namespace
}  // namespace tidemark::pgdata
