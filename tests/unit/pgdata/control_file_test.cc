#include "pgdata/control_file.h"

#include <gtest/gtest.h>

#include "tidemark/checksum.h"
#include "tidemark/error.h"

namespace tidemark::pgdata {
namespace {

Bytes control_bytes(std::uint32_t control_version, std::uint32_t catalog_version) {
  Bytes content(8192);
  store_le(content.data(), std::uint64_t{7'000'000'000'000'000'123});
  store_le(content.data() + 8, control_version);
  store_le(content.data() + 12, catalog_version);
  store_le(content.data() + 16, std::uint32_t{6});
  store_le(content.data() + 32, std::uint64_t{0x3000060});
  store_le(content.data() + 40, std::uint64_t{0x3000028});
  store_le(content.data() + 48, std::uint32_t{2});
  store_le(content.data() + 180, std::int32_t{100});
  store_le(content.data() + 216, std::uint32_t{8192});
  store_le(content.data() + 228, std::uint32_t{16U << 20});
  store_le(content.data() + 252, std::uint32_t{1});
  const std::size_t crc_at = control_version == 1800 ? 292 : 288;
  store_le(content.data() + crc_at, crc32c(ByteView(content).first(crc_at)));
  return content;
}

TEST(ControlFile, TellsTheMajorsApart) {
  const std::pair<std::uint32_t, std::uint32_t> versions[] = {{1300, 202007201}, {1300, 202107181},
                                                              {1300, 202209061}, {1300, 202307071},
                                                              {1700, 202406281}, {1800, 202506291}};
  int major = 13;
  for (const auto& [control_version, catalog_version] : versions) {
    const auto control = parse_control_file(control_bytes(control_version, catalog_version));
    ASSERT_TRUE(control) << major;
    EXPECT_EQ(control->major, major++);
    EXPECT_EQ(control->system_id, SystemId(7'000'000'000'000'000'123));
    EXPECT_EQ(control->state, ClusterState::in_production);
    EXPECT_EQ(control->checkpoint_redo, Lsn(0x3000028));
    EXPECT_EQ(control->checkpoint_timeline, TimelineId(2));
    EXPECT_EQ(control->max_connections, 100);
    EXPECT_EQ(control->segment_bytes, 16U << 20);
    EXPECT_EQ(control->data_checksum_version, 1U);
  }
}

TEST(ControlFile, KnowsATornRead) {
  Bytes content = control_bytes(1300, 202209061);
  content[40] ^= 1;
  EXPECT_FALSE(parse_control_file(content));
}

TEST(ControlFile, IgnoresWhatLiesBehindItsChecksum) {
  Bytes content = control_bytes(1300, 202209061);
  content[500] = 1;
  EXPECT_TRUE(parse_control_file(content));
}

TEST(ControlFile, RefusesUnknownVersionsAndShortFiles) {
  EXPECT_THROW(parse_control_file(control_bytes(1201, 201909212)), Error);
  EXPECT_THROW(parse_control_file(control_bytes(1300, 202209062)), Error);
  EXPECT_THROW(parse_control_file(Bytes(295)), Error);
}

}  // namespace
}  // namespace tidemark::pgdata
