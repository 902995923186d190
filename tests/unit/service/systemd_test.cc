#include "service/systemd.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "harness/temporary_folder.h"

namespace tidemark::service {
namespace {

// A service manager's end of sd_notify(3).
class NotifySocket {
 public:
  NotifySocket() : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    const std::string path = (folder_.path() / "notify").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~NotifySocket() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(socket_);
  }
  std::string received() const {
    char buffer[256];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
    return got < 0 ? "" : std::string(buffer, static_cast<std::size_t>(got));
  }

 private:
  harness::TemporaryFolder folder_;
  int socket_;
};

TEST(Systemd, HearsOfTheServicesLife) {
  const NotifySocket manager;
  notify_ready();
  EXPECT_EQ(manager.received(), "READY=1");
  notify_status("main: streaming\nRPO 0.0 s");
  EXPECT_EQ(manager.received(), "STATUS=main: streaming RPO 0.0 s");
  notify_alive();
  EXPECT_EQ(manager.received(), "WATCHDOG=1");
  notify_stopping();
  EXPECT_EQ(manager.received(), "STOPPING=1");
}

TEST(Systemd, WithoutOneNothingHappens) {
  ::unsetenv("NOTIFY_SOCKET");
  notify_ready();
  EXPECT_FALSE(watchdog_period());
}

TEST(Systemd, TheWatchdogIsFedTwiceAsOftenAsAsked) {
  ::setenv("WATCHDOG_USEC", "20000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_period(), std::chrono::seconds(10));
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
}

}  // namespace
}  // namespace tidemark::service
