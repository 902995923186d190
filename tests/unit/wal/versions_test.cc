#include "wal/versions.h"

#include <gtest/gtest.h>

namespace tidemark::wal {
namespace {

TEST(Versions, EveryMajorIsFoundByNumberAndByMagic) {
  int major = 13;
  for (const VersionTraits& version : all_versions()) {
    EXPECT_EQ(version.major, major++);
    EXPECT_EQ(version_of_major(version.major), &version);
    EXPECT_EQ(version_of_magic(version.page_magic), &version);
  }
  EXPECT_EQ(major, 19);
  EXPECT_EQ(version_of_major(12), nullptr);
  EXPECT_EQ(version_of_major(19), nullptr);
  EXPECT_EQ(version_of_magic(0xD117), nullptr);
  EXPECT_EQ(version_of_magic(0), nullptr);
}

TEST(Versions, OneByteOfImageFlagsMeansDifferentThings) {
  const std::uint8_t flags = 0x05;  // 14: hole and applied, raw; 15: hole and pglz, not applied
  EXPECT_TRUE(flags & version_of_major(14)->image_apply_bit);
  EXPECT_FALSE(flags & version_of_major(14)->image_compressed_mask);
  EXPECT_FALSE(flags & version_of_major(15)->image_apply_bit);
  EXPECT_TRUE(flags & version_of_major(15)->image_compressed_mask);
}

}  // namespace
}  // namespace tidemark::wal
