// Cursor, inspector and control file, on files of the test's own.
#include <gmock/gmock.h>

#include <random>

#include "backup/backup_session.h"
#include "backup/control_reader.h"
#include "backup/copy_cursor.h"
#include "backup/copy_pipeline.h"
#include "backup/names_reader.h"
#include "backup/page_inspector.h"
#include "harness/fake_clock.h"
#include "harness/program.h"
#include "harness/temporary_folder.h"
#include "pgdata/page_checksum.h"
#include "tidemark/checksum.h"
#include "tidemark/error.h"

namespace tidemark::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 8192;

Bytes sound_page(std::uint32_t block, Lsn lsn) {
  std::mt19937 generator(block);
  Bytes page(kPage);
  for (Byte& byte : page) byte = static_cast<Byte>(generator());
  store_le(page.data(), static_cast<std::uint32_t>(lsn.value() >> 32));
  store_le(page.data() + 4, static_cast<std::uint32_t>(lsn.value()));
  store_le(page.data() + 14, std::uint16_t{4000});
  store_le(page.data() + 8, pgdata::page_checksum(page, block));
  return page;
}

class CopyTest : public ::testing::Test {
 protected:
  void write(const std::string& path, ByteView content) {
    fs::create_directories((root() / path).parent_path());
    test::write_text_file(root() / path, std::string(as_text(content)));
  }
  fs::path root() const { return folder_ / "data"; }
  CopyCursor cursor(std::size_t look_ahead = 4) const {
    return {DataWalk(root(), 15, 202209061), look_ahead};
  }
  static PageRules rules() { return {true, kPage, 131072, Lsn(1000), Lsn(2000)}; }

  harness::TemporaryFolder folder_;
};

TEST_F(CopyTest, CursorCutsFilesIntoExtentsInOrder) {
  write("base/5/1", Bytes((2U << 20) + 5, 1));
  write("base/5/2", {});
  write("base/5/3", Bytes(7, 1));
  CopyCursor units = cursor();
  struct Seen {
    std::string begins;
    std::uint64_t offset;
    std::uint32_t length;
    bool ends;
  };
  std::vector<Seen> seen;
  for (std::uint64_t sequence = 0;; ++sequence) {
    const auto unit = units.take();
    if (!unit) break;
    EXPECT_EQ(unit->sequence, sequence);
    EXPECT_EQ(unit->source != nullptr, unit->length > 0);
    seen.push_back({unit->begins ? unit->begins->path : "", unit->offset, unit->length, unit->ends});
  }
  ASSERT_EQ(seen.size(), 7U);
  EXPECT_EQ(seen[0].begins, "base");
  EXPECT_EQ(seen[2].begins, "base/5/1");
  EXPECT_FALSE(seen[2].ends);
  EXPECT_EQ(seen[3].begins, "");
  EXPECT_EQ(seen[3].offset, 1U << 20);
  EXPECT_EQ(seen[4].length, 5U);
  EXPECT_TRUE(seen[4].ends);
  EXPECT_EQ(seen[5].begins, "base/5/2");
  EXPECT_EQ(seen[5].length, 0U);
  EXPECT_EQ(seen[6].length, 7U);
}

TEST_F(CopyTest, CursorCountsOnTheSizeSeenAtOpening) {
  write("base/5/1", Bytes(3U << 20, 1));
  CopyCursor units = cursor(1);
  units.take();
  units.take();
  const auto first = units.take();
  ASSERT_TRUE(first && first->begins);
  EXPECT_EQ(first->begins->size_bytes, 3U << 20);
  fs::resize_file(root() / "base/5/1", 10U << 20);
  EXPECT_TRUE(units.take());
  const auto last = units.take();
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->ends);
  EXPECT_FALSE(units.take());
}

TEST_F(CopyTest, InspectorCountsBlocksFromTheRelationsBeginning) {
  const std::uint32_t first = 3 * 131072 + 128;
  Bytes content(1U << 20);  // the extent before
  for (std::uint32_t n = 0; n < 3; ++n) {
    const Bytes page = sound_page(first + n, Lsn(10));
    content.insert(content.end(), page.begin(), page.end());
  }
  write("base/5/16384.3", content);
  CopyCursor units = cursor();
  PageInspector inspector(rules(), [] { return Lsn(2000); });
  while (auto unit = units.take()) {
    if (!unit->source) continue;
    Bytes plain(unit->length);
    unit->source->file.read_at(unit->offset, plain);
    inspector.inspect(*unit, plain);
  }
  EXPECT_EQ(inspector.bad_page_count(), 0U);
}

TEST_F(CopyTest, InspectorReadsABadPageAgain) {
  write("base/5/16384", sound_page(0, Lsn(10)));
  CopyCursor units = cursor();
  units.take();
  units.take();
  const auto unit = units.take();
  ASSERT_TRUE(unit);
  PageInspector inspector(rules(), [] { return Lsn(2000); });
  Bytes torn = sound_page(0, Lsn(10));
  std::fill(torn.begin() + 4096, torn.end(), Byte{0});
  inspector.inspect(*unit, torn);
  EXPECT_EQ(inspector.bad_page_count(), 0U);
  EXPECT_EQ(torn, sound_page(0, Lsn(10))) << "the good reading replaces the torn one";
}

TEST_F(CopyTest, InspectorAsksTheServerOnceAnExtentWhetherAPageCanBeThatNew) {
  Bytes content;
  for (std::uint32_t block = 0; block < 5; ++block) {
    Bytes page = sound_page(block, block == 0 ? Lsn(2500) : Lsn(9'000'000));
    page[5000] ^= 1;
    content.insert(content.end(), page.begin(), page.end());
  }
  write("base/5/16384", content);
  CopyCursor units = cursor();
  units.take();
  units.take();
  const auto unit = units.take();
  ASSERT_TRUE(unit);
  int asked = 0;
  PageInspector inspector(rules(), [&] {
    ++asked;
    return Lsn(3000);
  });
  inspector.inspect(*unit, content);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(inspector.bad_page_count(), 4U) << "block 0 is torn, not bad: the server is past its position";
  const auto named = inspector.take_bad_pages();
  ASSERT_EQ(named.size(), 4U);
  EXPECT_EQ(named[0].block, 1U);
  EXPECT_EQ(named[0].page_lsn, Lsn(9'000'000));
}

TEST_F(CopyTest, InspectorLeavesFilesThatAreNoRelationsAlone) {
  write("pg_xact/0000", Bytes(kPage, 0x55));
  CopyCursor units = cursor();
  units.take();
  const auto unit = units.take();
  ASSERT_TRUE(unit && unit->source);
  PageInspector inspector(rules(), [] { return Lsn(2000); });
  Bytes plain(kPage, 0x55);
  inspector.inspect(*unit, plain);
  EXPECT_EQ(inspector.bad_page_count(), 0U);
}

TEST(CopyLimits, FitPacksIntoTheMemory) {
  EXPECT_EQ(copy_limits(2, 256ULL << 20, 1).pack_bytes, 32U << 20);
  EXPECT_EQ(copy_limits(8, 256ULL << 20, 1).pack_bytes, (192ULL << 20) / 10);
  EXPECT_EQ(copy_limits(4, 1, 3).pack_bytes, 4U << 20);
  EXPECT_EQ(copy_limits(0, 256ULL << 20, 1).jobs, 1);
}

Bytes control_file() {
  Bytes content(8192);
  store_le(content.data() + 8, std::uint32_t{1300});
  store_le(content.data() + 12, std::uint32_t{202209061});
  store_le(content.data() + 288, crc32c(ByteView(content).first(288)));
  return content;
}

TEST(ControlReader, ReadsATornFileAgain) {
  harness::FakeClock clock;
  int reads = 0;
  const auto read = read_control_file(
      [&] {
        Bytes content = control_file();
        if (++reads < 4) content[100] ^= 1;
        return content;
      },
      clock, {});
  EXPECT_EQ(reads, 4);
  EXPECT_EQ(read.content, control_file());
  EXPECT_EQ(read.parsed.major, 15);
  EXPECT_EQ(clock.sleeps().size(), 3U);
}

TEST(ControlReader, GivesUpOnOneThatStaysDamaged) {
  harness::FakeClock clock;
  int reads = 0;
  const auto read = [&] {
    ++reads;
    Bytes content = control_file();
    content[100] ^= 1;
    return content;
  };
  EXPECT_THROW(read_control_file(read, clock, {}), Error);
  EXPECT_EQ(reads, 10);
}

TEST(BackupEndStart, LooksBackOverPageHeaders) {
  constexpr std::uint32_t kSegment = 16U << 20;
  EXPECT_EQ(backup_end_start(Lsn(0x3000100), kPage, kSegment), Lsn(0x3000100 - 40));
  // It begins right behind a header, of a page or of a segment.
  EXPECT_EQ(backup_end_start(Lsn(0x3002000 + 24 + 40), kPage, kSegment), Lsn(0x3002000 + 24));
  EXPECT_EQ(backup_end_start(Lsn(0x3000000 + 40 + 40), kPage, kSegment), Lsn(0x3000000 + 40));
  // It ends exactly with a page.
  EXPECT_EQ(backup_end_start(Lsn(0x3002000), kPage, kSegment), Lsn(0x3002000 - 40));
  // 16 bytes of it are on the page before.
  EXPECT_EQ(backup_end_start(Lsn(0x3002000 + 24 + 24), kPage, kSegment), Lsn(0x3002000 - 16));
  EXPECT_EQ(backup_end_start(Lsn(0x3000000 + 40 + 24), kPage, kSegment), Lsn(0x3000000 - 16));
}

TEST(WithDatabase, QuotesForBothForms) {
  EXPECT_EQ(with_database("host=/run user=u dbname=postgres", "a'b\\c d"),
            "host=/run user=u dbname=postgres dbname='a\\'b\\\\c d'");
  EXPECT_EQ(with_database("postgresql://u@h/postgres", "a b"), "postgresql://u@h/postgres?dbname=a%20b");
  EXPECT_EQ(with_database("postgres://u@h/postgres?sslmode=require", "x"),
            "postgres://u@h/postgres?sslmode=require&dbname=x");
}

}  // namespace
}  // namespace tidemark::backup
