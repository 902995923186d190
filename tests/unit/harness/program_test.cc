#include "harness/program.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "harness/free_port.h"
#include "harness/postgres_cluster.h"
#include "tidemark/error.h"

namespace tidemark::test {
namespace {

using namespace std::chrono_literals;

TEST(RunProgram, GivesOutputsAndStatus) {
  ProgramOptions options;
  options.input = std::string(300'000, 'i');
  options.environment = {{"GREETING", "hello"}};
  options.working_directory = "/usr";
  const auto result = run_program("sh", {"-c", "wc -c; echo $GREETING $PWD >&2; exit 3"}, options);
  EXPECT_EQ(result.exit_status, 3);
  EXPECT_EQ(result.output, "300000\n");
  EXPECT_EQ(result.errors, "hello /usr\n");
  EXPECT_FALSE(result.timed_out);
}

TEST(RunProgram, AMissingProgramIsAnError) {
  EXPECT_THROW(run_program("no-such-program-anywhere", {}), Error);
  EXPECT_THROW(run_program("/no/such/program", {}), Error);
}

TEST(RunProgram, KillsWhatTakesTooLongWithItsChildren) {
  ProgramOptions options;
  options.timeout = 1s;
  const auto result = run_program("sh", {"-c", "echo begun; sleep 600 & wait"}, options);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_status, 128 + SIGKILL);
  EXPECT_EQ(result.output, "begun\n");
}

TEST(RunProgram, RunsAsAnotherUser) {
  if (!server_user()) GTEST_SKIP() << "only root changes users";
  ProgramOptions options;
  options.user = "postgres";
  EXPECT_EQ(run_program("id", {"-un"}, options).output, "postgres\n");
}

TEST(Process, TerminatesAndTellsItsStatus) {
  ScratchFolder scratch;
  Process process("sh", {"-c", "trap 'echo asked; exit 7' TERM; echo up; while :; do sleep 0.01; done"},
                  scratch.path() / "out");
  ASSERT_TRUE(process.wait_for_output("up", 20s));
  EXPECT_TRUE(process.running());
  EXPECT_EQ(process.wait(0s), std::nullopt);
  process.terminate();
  EXPECT_EQ(process.wait(20s), 7);
  EXPECT_EQ(process.output(), "up\nasked\n");
}

TEST(Process, IsKilledAtItsEnd) {
  ScratchFolder scratch;
  long pid = 0;
  {
    Process process("sleep", {"600"}, scratch.path() / "out");
    pid = process.pid();
    EXPECT_EQ(::kill(static_cast<pid_t>(pid), 0), 0);
  }
  EXPECT_NE(::kill(static_cast<pid_t>(pid), 0), 0);
}

TEST(FreePort, CanBeBound) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(free_port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(descriptor);
}

}  // namespace
}  // namespace tidemark::test
