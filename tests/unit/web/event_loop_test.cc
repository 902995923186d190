#include "web/event_loop.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tidemark/error.h"
#include "web/http_client.h"

namespace tidemark::web {
namespace {

constexpr auto kLimit = std::chrono::milliseconds(5000);

class RunningLoop {
 public:
  explicit RunningLoop(std::map<std::string, Handler> handlers)
      : loop({"127.0.0.1", 0}, std::move(handlers)), thread([this] { loop.run(); }) {}
  ~RunningLoop() {
    loop.stop();
    thread.join();
  }
  std::optional<Response> get(const std::string& path) {
    return http_get({"127.0.0.1", loop.port()}, path, kLimit);
  }
  // Sends bytes as they are and returns everything that comes back until the server closes.
  std::string raw(const std::string& bytes) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(loop.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    ::shutdown(socket, SHUT_WR);
    std::string answer;
    char part[4096];
    for (ssize_t got; (got = ::recv(socket, part, sizeof part, 0)) > 0;)
      answer.append(part, static_cast<std::size_t>(got));
    ::close(socket);
    return answer;
  }

  EventLoop loop;
  std::thread thread;
};

TEST(EventLoop, AnswersItsPaths) {
  RunningLoop running({{"/healthz",
                        [] {
                          return Response{200, "text/plain", "ok\n"};
                        }},
                       {"/broken", []() -> Response { throw Error(ErrorKind::internal, "no"); }}});
  const auto answer = running.get("/healthz?verbose");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_type, "text/plain");
  EXPECT_EQ(answer->body, "ok\n");
  EXPECT_EQ(running.get("/other")->status, 404);
  EXPECT_EQ(running.get("/broken")->status, 500);
}

TEST(EventLoop, AnswersHeadWithoutABodyAndRefusesOtherMethods) {
  RunningLoop running({{"/healthz", [] { return Response{200, "text/plain", "ok\n"}; }}});
  const std::string head = running.raw("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200"));
  EXPECT_NE(head.find("Content-Length: 3"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_TRUE(running.raw("DELETE /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                  .starts_with("HTTP/1.1 405"));
}

TEST(EventLoop, SurvivesGarbageAndGreed) {
  RunningLoop running({{"/healthz", [] { return Response{200, "text/plain", "ok\n"}; }}});
  EXPECT_EQ(running.raw("\x16\x03\x01 nothing like http\r\n\r\n").find("200"), std::string::npos);
  EXPECT_EQ(running.raw("GET /healthz HTTP/1.1\r\nX: " + std::string(100'000, 'a')).find("200"),
            std::string::npos);
  EXPECT_EQ(running.raw("GET /healthz HTTP/1.1\r\nContent-Length: 999999\r\n\r\nbody").find("HTTP/1.1 200"),
            std::string::npos);
  EXPECT_EQ(running.get("/healthz")->status, 200);
}

TEST(EventLoop, CallsTimersAndSignalHandlers) {
  EventLoop loop({"127.0.0.1", 0}, {});
  std::atomic<int> ticks = 0;
  loop.every(std::chrono::milliseconds(1), [&] {
    if (++ticks == 3) ::raise(SIGUSR2);
  });
  bool signalled = false;
  loop.on_signal(SIGUSR2, [&] {
    signalled = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(signalled);
  EXPECT_GE(ticks, 3);
}

TEST(EventLoop, SaysThatTheAddressIsTaken) {
  EventLoop first({"127.0.0.1", 0}, {});
  try {
    EventLoop second({"127.0.0.1", first.port()}, {});
    FAIL() << "bound twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "address_in_use");
    EXPECT_EQ(error.kind(), ErrorKind::config);
  }
}

TEST(HttpGet, TellsThatNobodyAnswers) {
  std::uint16_t port = 0;
  {
    EventLoop gone({"127.0.0.1", 0}, {});
    port = gone.port();
  }
  EXPECT_FALSE(http_get({"127.0.0.1", port}, "/", std::chrono::milliseconds(500)).has_value());
}

}  // namespace
}  // namespace tidemark::web
