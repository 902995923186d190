#include "web/event_loop.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <optional>

#include "tidemark/error.h"
#include "tidemark/log.h"
#include "web/http_client.h"

namespace tidemark::web {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::size_t kConnectionLimit = 64;
constexpr auto kRequestLimit = std::chrono::seconds(10);
constexpr std::uint32_t kHeaderLimitBytes = 8 * 1024;
constexpr std::uint64_t kBodyLimitBytes = 0;

using Handlers = std::map<std::string, Handler>;

http::response<http::string_body> answer(const http::request<http::empty_body>& request,
                                         const Handlers& handlers) {
  Response response;
  const std::string target(request.target().substr(0, request.target().find('?')));
  const auto handler = handlers.find(target);
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    response = {405, "text/plain; charset=utf-8", "only GET and HEAD are answered\n"};
  } else if (handler == handlers.end()) {
    response = {404, "text/plain; charset=utf-8", "there is nothing at this path\n"};
  } else {
    try {
      response = handler->second();
    } catch (const std::exception& error) {
      log_error("web", fmt::format("answering {}: {}", target, error.what()));
      response = {500, "text/plain; charset=utf-8", "the request failed; the service's log says why\n"};
    }
  }
  http::response<http::string_body> reply{static_cast<http::status>(response.status), request.version()};
  reply.set(http::field::content_type, response.content_type);
  reply.set(http::field::cache_control, "no-store");
  reply.keep_alive(request.keep_alive());
  const bool head = request.method() == http::verb::head;
  reply.content_length(response.body.size());
  if (!head) reply.body() = std::move(response.body);
  return reply;
}

// One connection: read a request, answer, again while the client keeps it open. Lives as long as its pending
// operation.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const Handlers& handlers, std::size_t& open)
      : stream_(std::move(socket)), handlers_(handlers), open_(open) {
    ++open_;
  }
  ~Session() { --open_; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(kHeaderLimitBytes);
    parser_->body_limit(kBodyLimitBytes);
    stream_.expires_after(kRequestLimit);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (!error) self->write();
                     });
  }

 private:
  void write() {
    reply_ = answer(parser_->get(), handlers_);
    serializer_.emplace(*reply_);
    if (parser_->get().method() == http::verb::head) serializer_->split(true);
    const auto done = [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error) return;
      if (self->reply_->keep_alive()) return self->read();
      beast::error_code ignored;
      self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    };
    if (serializer_->split()) {
      http::async_write_header(stream_, *serializer_, done);
    } else {
      http::async_write(stream_, *serializer_, done);
    }
  }

  beast::tcp_stream stream_;
  const Handlers& handlers_;
  std::size_t& open_;
  beast::flat_buffer buffer_{kHeaderLimitBytes * 2};
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::optional<http::response<http::string_body>> reply_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

}  // namespace

struct EventLoop::State {
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  asio::signal_set signals{context};
  std::map<int, std::function<void()>> signal_callbacks;
  struct Timer {
    asio::steady_timer timer;
    std::chrono::milliseconds period;
    std::function<void()> callback;
  };
  std::list<Timer> timers;
  Handlers handlers;
  std::size_t open_connections = 0;

  void bind(const ListenAddress& address) {
    try {
      tcp::resolver resolver(context);
      const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive);
      const tcp::endpoint endpoint = *found.begin();
      acceptor.open(endpoint.protocol());
      acceptor.set_option(tcp::acceptor::reuse_address(true));
      acceptor.bind(endpoint);
      acceptor.listen();
    } catch (const boost::system::system_error& error) {
      const bool taken = error.code() == asio::error::address_in_use;
      throw Error(ErrorKind::config, fmt::format("cannot listen on {}:{}: {}", address.host, address.port,
                                                 error.code().message()))
          .code(taken ? "address_in_use" : "cannot_listen")
          .hint(taken ? "another service runs there; choose another service.listen"
                      : "correct service.listen");
    }
  }

  void accept() {
    acceptor.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error && open_connections < kConnectionLimit) {
        std::make_shared<Session>(std::move(socket), handlers, open_connections)->read();
      }
      accept();
    });
  }

  void wait_for_signal() {
    signals.async_wait([this](beast::error_code error, int signal) {
      if (error) return;
      signal_callbacks.at(signal)();
      wait_for_signal();
    });
  }

  void arm(Timer& timer) {
    timer.timer.expires_after(timer.period);
    timer.timer.async_wait([this, &timer](beast::error_code error) {
      if (error) return;
      timer.callback();
      arm(timer);
    });
  }
};

EventLoop::EventLoop(const ListenAddress& address, std::map<std::string, Handler> handlers)
    : state_(std::make_unique<State>()) {
  state_->handlers = std::move(handlers);
  state_->bind(address);
}

EventLoop::~EventLoop() = default;

std::uint16_t EventLoop::port() const { return state_->acceptor.local_endpoint().port(); }

void EventLoop::on_signal(int signal, std::function<void()> callback) {
  state_->signals.add(signal);
  state_->signal_callbacks[signal] = std::move(callback);
}

void EventLoop::every(std::chrono::milliseconds period, std::function<void()> callback) {
  state_->timers.push_back({asio::steady_timer(state_->context), period, std::move(callback)});
}

void EventLoop::run() {
  state_->accept();
  if (!state_->signal_callbacks.empty()) state_->wait_for_signal();
  for (auto& timer : state_->timers) state_->arm(timer);
  state_->context.run();
}

void EventLoop::stop() { state_->context.stop(); }

std::optional<Response> http_get(const ListenAddress& address, const std::string& path,
                                 std::chrono::milliseconds limit) {
  asio::io_context context;
  tcp::resolver resolver(context);
  beast::error_code resolve_error;
  const auto found = resolver.resolve(address.host, std::to_string(address.port), resolve_error);
  if (resolve_error) return std::nullopt;

  // Asynchronous steps on a private context, because only those honour the stream's deadline.
  beast::tcp_stream stream(context);
  stream.expires_after(limit);
  http::request<http::empty_body> request{http::verb::get, path, 11};
  request.set(http::field::host, address.host);
  request.set(http::field::connection, "close");
  beast::flat_buffer buffer;
  http::response<http::string_body> reply;
  bool done = false;
  stream.async_connect(found, [&](beast::error_code connected, const tcp::endpoint&) {
    if (connected) return;
    http::async_write(stream, request, [&](beast::error_code written, std::size_t) {
      if (written) return;
      http::async_read(stream, buffer, reply, [&](beast::error_code read, std::size_t) { done = !read; });
    });
  });
  context.run();
  if (!done) return std::nullopt;
  return Response{static_cast<int>(reply.result_int()), std::string(reply[http::field::content_type]),
                  std::move(reply.body())};
}

}  // namespace tidemark::web
