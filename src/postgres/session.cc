#include "postgres/session.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "postgres/connect.h"

namespace tidemark::postgres {

namespace {

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

void cancel_statement(PGconn* connection) {
  PGcancel* cancel = PQgetCancel(connection);
  if (cancel == nullptr) return;
  std::array<char, 256> ignored{};
  PQcancel(cancel, ignored.data(), static_cast<int>(ignored.size()));
  PQfreeCancel(cancel);
}

}  // namespace

Session::Session(const ConnectionOptions& options, const StopToken& stop, Purpose purpose) : stop_(stop) {
  auto connected = connect(options, stop, purpose == Purpose::physical_replication);
  connection_ = connected.connection;
  host_ = std::move(connected.host);
  secret_ = std::move(connected.secret);
}

Session::~Session() { close(); }

void Session::close() {
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
}

PGconn* Session::raw() const {
  if (connection_ == nullptr) {
    throw Error(ErrorKind::unavailable, fmt::format("the connection to {} was given up", host_))
        .code("connection_lost");
  }
  return connection_;
}

Session::Ready Session::wait(short events, Deadline deadline, int wake_descriptor) const {
  std::array<pollfd, 3> watched{
      {{PQsocket(raw()), events, 0}, {stop_.wake_descriptor(), POLLIN, 0}, {wake_descriptor, POLLIN, 0}}};
  for (;;) {
    const int timeout = milliseconds_until(deadline);
    const int ready = ::poll(watched.data(), watched.size(), timeout);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw errno_error(errno, "waiting for the server's socket");
    if (watched[1].revents != 0) return Ready::woken;
    const auto seen = watched[0].revents;
    if ((seen & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) != 0) return Ready::readable;
    // After the socket: a descriptor that wakes often must not keep what arrived from being read.
    if (watched[2].revents != 0) return Ready::woken;
    if ((seen & POLLOUT) != 0) return Ready::writable;
    if (std::chrono::steady_clock::now() >= deadline) return Ready::deadline;
  }
}

void Session::send(const std::string& sql, Deadline deadline) {
  if (PQsendQuery(raw(), sql.c_str()) == 0) throw lost("sending a statement");
  flush(deadline);
}

void Session::flush(Deadline deadline) {
  for (;;) {
    const int unsent = PQflush(raw());
    if (unsent == 0) return;
    if (unsent < 0) throw lost("sending to the server");
    switch (wait(POLLIN | POLLOUT, deadline)) {
      case Ready::readable:
        if (PQconsumeInput(raw()) == 0) throw lost("sending to the server");
        break;
      case Ready::writable:
        break;
      case Ready::woken:
      case Ready::deadline:
        abandon_statement("sending to the server");
    }
  }
}

Result Session::next_result(Deadline deadline, std::string_view doing) {
  while (PQisBusy(raw()) != 0) {
    switch (wait(POLLIN, deadline)) {
      case Ready::readable:
        if (PQconsumeInput(raw()) == 0) throw lost(doing);
        break;
      case Ready::writable:
        break;
      case Ready::woken:
      case Ready::deadline:
        abandon_statement(doing);
    }
  }
  Result result(PQgetResult(raw()));
  // A server that died mid-statement shows as a fatal result without SQLSTATE.
  if (result && PQstatus(raw()) == CONNECTION_BAD && sqlstate_of(result.get()).empty()) throw lost(doing);
  return result;
}

Error Session::lost(std::string_view doing) {
  auto why =
      connection_ == nullptr ? std::string("it was given up before") : one_line(PQerrorMessage(connection_));
  if (why.empty()) why = "the server closed it";
  Error error = Error(ErrorKind::unavailable,
                      masked(fmt::format("{}: the connection to {} was lost: {}", doing, host_, why)))
                    .code("connection_lost");
  close();
  return error;
}

void Session::abandon_statement(std::string_view doing) {
  cancel_statement(connection_);
  close();
  stop_.throw_if_stopped();
  throw Error(ErrorKind::unavailable,
              fmt::format("{}: no answer from {} in time; the statement was cancelled", doing, host_))
      .code("statement_timeout");
}

std::string Session::masked(std::string text) const { return mask_secret(std::move(text), secret_); }

}  // namespace tidemark::postgres
