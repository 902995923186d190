#pragma once
// The service's edge to the world: one thread that waits for HTTP requests, signals and timers, and calls
// back. Handlers start or read work, never do it. The only place that knows Asio and Beast.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace tidemark::web {

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Called in the loop's thread; must answer from what is already known.
using Handler = std::function<Response()>;

struct ListenAddress {
  std::string host;        // a literal address or a name
  std::uint16_t port = 0;  // 0: any free one
};

class EventLoop {
 public:
  // Binds at once. Error config/"address_in_use" or config when the address cannot be used. GET and HEAD are
  // answered for the paths of `handlers`; requests are limited to 8 KiB, 64 connections and 10 seconds each.
  EventLoop(const ListenAddress& address, std::map<std::string, Handler> handlers);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  std::uint16_t port() const;
  void on_signal(int signal, std::function<void()> callback);                    // before run()
  void every(std::chrono::milliseconds period, std::function<void()> callback);  // before run()
  void run();   // until stop(); callbacks' exceptions end it and are rethrown
  void stop();  // any thread
 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::web
