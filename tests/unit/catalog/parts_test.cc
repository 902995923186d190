#include "catalog/parts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "samples.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

TEST(Part, ReadsBackWhatItWrote) { EXPECT_EQ(read_part(sample_part()), sample_entries()); }

TEST(Part, AnEmptyOneIsLegal) {
  PartBuilder builder;
  EXPECT_TRUE(builder.empty());
  EXPECT_TRUE(read_part(builder.finish()).empty());
}

TEST(Part, BuilderBeginsAnewAfterFinish) {
  PartBuilder builder;
  for (const FileEntry& entry : sample_entries()) builder.add(entry);
  EXPECT_EQ(builder.extent_count(), 6U);
  const Bytes first = builder.finish();
  EXPECT_TRUE(builder.empty());
  for (const FileEntry& entry : sample_entries()) builder.add(entry);
  EXPECT_EQ(builder.first_path(), "");
  EXPECT_EQ(builder.finish(), first);
}

TEST(Part, ForgetsTheHashOfZeros) {
  FileEntry entry{EntryKind::file, "a", kExtentBytes, 0600, "", "", at(0), "", 0, {}};
  entry.extents = {{{1, 1}, kExtentBytes, true, {}, {}}};
  PartBuilder builder;
  builder.add(entry);
  const Bytes bytes = builder.finish();
  EXPECT_EQ(read_part(bytes)[0].extents[0].hash, Hash128());
}

TEST(Part, FullAfterSixteenThousandExtents) {
  PartBuilder builder;
  FileEntry entry{EntryKind::file, "a", 0, 0600, "", "", at(0), "", 0, {}};
  entry.extents.resize(kExtentsPerPart - 1, {{1, 1}, kExtentBytes, true, {}, {}});
  builder.add(entry);
  EXPECT_FALSE(builder.full());
  EXPECT_EQ(builder.room(), 1U);
  entry.path = "b";
  entry.extents.resize(1);
  builder.add(entry);
  EXPECT_TRUE(builder.full());
  EXPECT_EQ(builder.room(), 0U);
}

// design.md: 10 million extents in under 300 MB, zero extents nearly free.
TEST(Part, AnExtentTakesLessThanThirtyBytes) {
  PartBuilder builder;
  std::uint64_t offset = 64;
  for (int file = 0; file < 15; ++file) {
    FileEntry entry{EntryKind::file,
                    "base/16384/" + std::to_string(16400 + file),
                    1ULL << 30,
                    0600,
                    "p",
                    "p",
                    at(file),
                    "",
                    0,
                    {}};
    for (std::uint32_t i = 0; i < 1024; ++i) {
      const std::uint32_t stored = 200'000 + i * 37;
      entry.extents.push_back({{i, ~std::uint64_t{i}}, kExtentBytes, false, {0, 3, i, offset, stored}, {}});
      offset += stored;
    }
    builder.add(entry);
  }
  const auto extents = builder.extent_count();
  EXPECT_LT(builder.finish().size(), 22U * extents);
  FileEntry sparse{EntryKind::file, "a", 1ULL << 30, 0600, "", "", at(0), "", 0, {}};
  sparse.extents.resize(1024, {{}, kExtentBytes, true, {}, {}});
  builder.add(sparse);
  EXPECT_LT(builder.finish().size(), 1024U + 64);
}

TEST(Part, BuilderRefusesDisorder) {
  PartBuilder builder;
  builder.add({EntryKind::folder, "base", 0, 0700, "", "", at(0), "", 0, {}});
  EXPECT_THROW(builder.add({EntryKind::folder, "base", 0, 0700, "", "", at(0), "", 0, {}}), Error);
  EXPECT_THROW(builder.add({EntryKind::folder, "a", 0, 0700, "", "", at(0), "", 0, {}}), Error);
}

// A part whose only entry has this path, written without the builder's own check.
Bytes part_with_path(const std::string& path) {
  PartBuilder builder;
  const std::string harmless(path.size(), 'x');
  builder.add({EntryKind::folder, harmless, 0, 0700, "", "", at(0), "", 0, {}});
  Bytes bytes = builder.finish();
  const auto found = std::search(bytes.begin(), bytes.end(), harmless.begin(), harmless.end());
  std::copy(path.begin(), path.end(), found);
  return bytes;
}

TEST(Part, ReaderRefusesPathsThatLeadOutside) {
  EXPECT_EQ(read_part(part_with_path("base/1")).size(), 1U);
  for (const char* path : {"..", "../x", "a/../b", "/etc/passwd", "a//b", "a/", "./a", "a/.", "a/.."}) {
    EXPECT_THROW(read_part(part_with_path(path)), Error) << path;
  }
  EXPECT_THROW(read_part(part_with_path(std::string("a\0b", 3))), Error);
}

}  // namespace
}  // namespace tidemark::catalog
