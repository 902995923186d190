#include "wal/page.h"

#include <gtest/gtest.h>

#include "harness/wal_writer.h"
#include "tidemark/error.h"

namespace tidemark::wal {
namespace {

using test::WalWriter;

class PageTest : public testing::Test {
 protected:
  PageTest() {
    writer_.message(5, 20000);
    expected_ = {.address = writer_.start(),
                 .segment_size = SegmentSize(),
                 .page_bytes = kDefaultPageBytes,
                 .lowest = TimelineId(1),
                 .highest = TimelineId(1),
                 .version = version_of_major(15),
                 .system_id = writer_.options().system_id};
  }

  PageHeader first() const { return parse_page_header(writer_.bytes()); }
  PageHeader second() const { return parse_page_header(writer_.from(writer_.start() + kDefaultPageBytes)); }
  std::string fault(const PageHeader& header) const { return page_fault(header, expected_).value_or(""); }

  WalWriter writer_;
  PageExpectation expected_;
};

TEST_F(PageTest, ReadsLongAndShortHeaders) {
  EXPECT_TRUE(first().is_long());
  EXPECT_EQ(first().bytes(), kLongPageHeaderBytes);
  EXPECT_EQ(first().system_id, writer_.options().system_id);
  EXPECT_EQ(first().segment_bytes, 16U << 20);
  EXPECT_EQ(first().page_bytes, kDefaultPageBytes);
  EXPECT_EQ(fault(first()), "");
  EXPECT_FALSE(second().is_long());
  EXPECT_EQ(second().bytes(), kShortPageHeaderBytes);
  EXPECT_TRUE(second().continues());
  EXPECT_FALSE(second().overwrites());
  EXPECT_EQ(second().remaining, 20000U + 24 + 5 - (kDefaultPageBytes - kLongPageHeaderBytes));
  expected_.address = writer_.start() + kDefaultPageBytes;
  EXPECT_EQ(fault(second()), "");
}

TEST_F(PageTest, NeedsTwentyFourBytes) {
  EXPECT_THROW(parse_page_header(ByteView(writer_.bytes()).first(23)), Error);
}

TEST_F(PageTest, NamesEveryFault) {
  const auto broken = [&](auto change) {
    PageHeader header = first();
    change(header);
    return fault(header);
  };
  EXPECT_EQ(broken([](PageHeader& h) { h.magic = 0; }), "unknown WAL page magic 0000");
  EXPECT_EQ(broken([](PageHeader& h) { h.magic = 0xD113; }), "the page was written by PostgreSQL 16, not 15");
  EXPECT_EQ(broken([](PageHeader& h) { h.info |= 0x10; }), "invalid page flags 0016");
  EXPECT_EQ(broken([](PageHeader& h) { h.info = 0; }), "invalid page flags 0000");
  EXPECT_EQ(broken([](PageHeader& h) { h.address += 8192; }),
            "the page is for 0/1002000, left from an earlier use of the file");
  EXPECT_NE(broken([](PageHeader& h) { h.timeline = TimelineId(2); }), "");
  EXPECT_NE(broken([](PageHeader& h) { h.timeline = TimelineId(); }), "");
  EXPECT_NE(broken([](PageHeader& h) { h.system_id = SystemId(1); }), "");
  EXPECT_NE(broken([](PageHeader& h) { h.segment_bytes = 1 << 20; }), "");
  EXPECT_NE(broken([](PageHeader& h) { h.page_bytes = 4096; }), "");
  expected_.page_bytes.reset();
  EXPECT_EQ(broken([](PageHeader& h) { h.page_bytes = 4096; }), "");
  EXPECT_NE(broken([](PageHeader& h) { h.page_bytes = 4095; }), "");
  EXPECT_NE(broken([](PageHeader& h) { h.page_bytes = 0; }), "");
  EXPECT_NE(broken([](PageHeader& h) { h.page_bytes = 1U << 31; }), "");
}

TEST_F(PageTest, AllowsWhatIsNotKnownYet) {
  expected_.version = nullptr;
  expected_.system_id.reset();
  PageHeader header = first();
  header.magic = 0xD118;
  header.system_id = SystemId(1);
  EXPECT_EQ(fault(header), "");
}

}  // namespace
}  // namespace tidemark::wal
