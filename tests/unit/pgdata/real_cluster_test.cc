// Against data directories that PostgreSQL itself wrote.
#include <gtest/gtest.h>

#include <sstream>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "harness/postgres_cluster.h"
#include "pgdata/control_file.h"
#include "pgdata/copy_rules.h"
#include "pgdata/page_checksum.h"

namespace tidemark::pgdata {
namespace {

ControlFile read_control(const std::filesystem::path& data_directory) {
  const auto control = parse_control_file(disk::read_whole_file(data_directory / "global" / "pg_control"));
  EXPECT_TRUE(control) << "checksum of pg_control";
  return control.value_or(ControlFile{});
}

// The value that pg_controldata prints behind "label:".
std::string controldata_value(const std::string& output, const std::string& label) {
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(label + ":")) continue;
    const std::size_t at = line.find_first_not_of(' ', label.size() + 1);
    return at == std::string::npos ? "" : line.substr(at);
  }
  return "no line " + label;
}

TEST(RealCluster, EveryPageHasTheChecksumComputedHere) {
  for (int major = 13; major <= 18; ++major) {
    if (!test::server_available(major)) continue;
    const test::PostgresCluster cluster({.major = major, .start = false});
    std::size_t pages = 0;
    disk::walk_tree(cluster.data_directory(), [&](const std::string& path, const disk::FileStatus& status) {
      const auto relation = parse_relation_path(path);
      if (!relation || status.type != disk::EntryType::file) return true;
      const Bytes content = disk::read_whole_file(cluster.data_directory() / path);
      for (std::size_t at = 0; at + 8192 <= content.size(); at += 8192) {
        const auto block = static_cast<std::uint32_t>(at / 8192);
        const PageVerdict verdict = judge_page(ByteView(content).subspan(at, 8192), block, Lsn(1), Lsn(0));
        EXPECT_TRUE(verdict == PageVerdict::good || verdict == PageVerdict::empty)
            << path << " block " << block;
        ++pages;
      }
      return true;
    });
    EXPECT_GT(pages, 2000U) << major;
  }
}

TEST(RealCluster, ControlFileSaysWhatPgControldataSays) {
  const test::PostgresCluster cluster({.segment_megabytes = 4, .start = false});
  const std::string output = cluster.run("pg_controldata", {"-D", cluster.data_directory().string()});
  const ControlFile control = read_control(cluster.data_directory());
  EXPECT_EQ(control.system_id.to_string(), controldata_value(output, "Database system identifier"));
  EXPECT_EQ(std::to_string(control.catalog_version), controldata_value(output, "Catalog version number"));
  EXPECT_EQ(control.checkpoint.to_string(), controldata_value(output, "Latest checkpoint location"));
  EXPECT_EQ(control.checkpoint_redo.to_string(),
            controldata_value(output, "Latest checkpoint's REDO location"));
  EXPECT_EQ(std::to_string(control.checkpoint_timeline.value()),
            controldata_value(output, "Latest checkpoint's TimeLineID"));
  EXPECT_EQ(control.minimum_recovery_point.to_string(),
            controldata_value(output, "Minimum recovery ending location"));
  EXPECT_EQ(std::to_string(control.max_connections), controldata_value(output, "max_connections setting"));
  EXPECT_EQ(std::to_string(control.max_worker_processes),
            controldata_value(output, "max_worker_processes setting"));
  EXPECT_EQ(std::to_string(control.max_wal_senders), controldata_value(output, "max_wal_senders setting"));
  EXPECT_EQ(std::to_string(control.max_prepared_transactions),
            controldata_value(output, "max_prepared_xacts setting"));
  EXPECT_EQ(std::to_string(control.max_locks_per_transaction),
            controldata_value(output, "max_locks_per_xact setting"));
  EXPECT_EQ(std::to_string(control.block_bytes), controldata_value(output, "Database block size"));
  EXPECT_EQ(std::to_string(control.relation_segment_blocks),
            controldata_value(output, "Blocks per segment of large relation"));
  EXPECT_EQ(std::to_string(control.wal_block_bytes), controldata_value(output, "WAL block size"));
  EXPECT_EQ(std::to_string(control.segment_bytes), controldata_value(output, "Bytes per WAL segment"));
  EXPECT_EQ(std::to_string(control.data_checksum_version),
            controldata_value(output, "Data page checksum version"));
  EXPECT_EQ(control.state, ClusterState::shut_down);
  EXPECT_EQ(control.segment_bytes, 4U << 20);
}

TEST(RealCluster, ControlFilesOfAllMajorsAreRead) {
  for (int major = 13; major <= 18; ++major) {
    if (!test::server_available(major)) continue;
    const test::PostgresCluster cluster({.major = major, .checksums = major % 2 == 0, .start = false});
    const ControlFile control = read_control(cluster.data_directory());
    EXPECT_EQ(control.major, major);
    EXPECT_EQ(control.data_checksum_version, major % 2 == 0 ? 1U : 0U) << major;
    EXPECT_EQ(control.block_bytes, 8192U);
  }
}

}  // namespace
}  // namespace tidemark::pgdata
