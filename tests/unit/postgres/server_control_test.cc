#include "postgres/server_control.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/cluster_template.h"
#include "harness/program.h"
#include "unit/postgres/shared_cluster.h"

namespace tidemark::postgres {
namespace {

using namespace std::chrono_literals;

class ServerControl : public testing::Test {
 protected:
  ServerControl() : cluster_({.start = false}) {}
  ServerStart start_options() const {
    return {cluster_.binaries(), cluster_.data_directory(), scratch_.path() / "start.log", {"work_mem=7MB"}};
  }
  test::ScratchFolder scratch_;
  test::PostgresCluster cluster_;
};

TEST_F(ServerControl, StartsAsTheOwnerAndStops) {
  EXPECT_EQ(live_postmaster(cluster_.data_directory()), std::nullopt);
  ServerProcess server(start_options());
  EXPECT_TRUE(server.running());
  EXPECT_TRUE(live_postmaster(cluster_.data_directory()).has_value());
  ASSERT_TRUE(test::eventually([&] {
    try {
      return cluster_.sql("SHOW work_mem") == "7MB";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unavailable);
      return false;
    }
  }));
  server.stop(ServerProcess::Shutdown::fast, 60s);
  EXPECT_FALSE(server.running());
  EXPECT_EQ(server.exit_status(), 0);
  EXPECT_EQ(live_postmaster(cluster_.data_directory()), std::nullopt);
  EXPECT_NE(server.log_tail(50).find("database system is shut down"), std::string::npos);
}

TEST_F(ServerControl, LeavesTheServerRunningAtItsEnd) {
  { ServerProcess server(start_options()); }
  EXPECT_TRUE(cluster_.running());
}

TEST_F(ServerControl, AServerThatCannotStartTellsWhy) {
  auto options = start_options();
  options.settings = {"shared_buffers=many"};
  const auto error = error_of([&] { ServerProcess server(options); });
  EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  EXPECT_NE(error.message().find("shared_buffers"), std::string::npos) << error.message();
}

TEST_F(ServerControl, APidFileAloneProvesNothing) {
  const auto file = cluster_.data_directory() / "postmaster.pid";
  for (const auto& text : {std::string("999999999\n"), std::to_string(::getpid()) + "\n", std::string("1\n"),
                           std::string("nonsense\n"), std::string()}) {
    test::write_text_file(file, text);
    EXPECT_EQ(live_postmaster(cluster_.data_directory()), std::nullopt) << text;
  }
}

TEST(FindServerBinaries, FindsTheMajorAskedFor) {
  EXPECT_TRUE(std::filesystem::exists(find_server_binaries(15, std::nullopt) / "pg_ctl"));
  EXPECT_EQ(error_of([] { find_server_binaries(12, std::nullopt); }).code(), "no_server_binaries");
  EXPECT_EQ(error_of([] { find_server_binaries(14, "/usr/lib/postgresql/15/bin"); }).kind(),
            ErrorKind::mismatch);
  EXPECT_EQ(error_of([] { find_server_binaries(15, "/tmp"); }).kind(), ErrorKind::not_found);
}

}  // namespace
}  // namespace tidemark::postgres
