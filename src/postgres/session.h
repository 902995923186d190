#pragma once
// Inside the room only: one libpq connection in non-blocking mode, every wait a poll() with a deadline that a
// stop ends, and the translation of libpq's and the server's errors. One thread. See connection.h for the
// kinds of errors.

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "postgres/connection.h"
#include "postgres/server_error.h"
#include "tidemark/error.h"
#include "tidemark/stop.h"

namespace tidemark::postgres {

using Deadline = std::chrono::steady_clock::time_point;

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

// The Error for a statement that the server refused (an ErrorResponse with its SQLSTATE).
Error statement_error(const PGresult* result, std::string_view doing);
std::string sqlstate_of(const PGresult* result);

class Session {
 public:
  enum class Purpose { sql, physical_replication };
  enum class Ready { readable, writable, woken, deadline };

  Session(const ConnectionOptions& options, const StopToken& stop, Purpose purpose);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Throws Error unavailable once the connection was given up.
  PGconn* raw() const;
  bool open() const { return connection_ != nullptr; }
  void close();
  const StopToken& stop() const { return stop_; }

  // Waits for the socket, for `wake_descriptor` (-1: none), or for the stop, which counts as woken.
  Ready wait(short events, Deadline deadline, int wake_descriptor = -1) const;
  // Sends one simple query and all of its bytes.
  void send(const std::string& sql, Deadline deadline);
  void flush(Deadline deadline);
  // The next result of what was sent, null after the last. A stop or the deadline cancels the statement and
  // gives up the connection: Error interrupted, or unavailable/"statement_timeout".
  Result next_result(Deadline deadline, std::string_view doing);
  // Error unavailable/"connection_lost" with libpq's text; gives up the connection.
  Error lost(std::string_view doing);
  std::string host_for_messages() const { return host_; }

 private:
  void abandon_statement(std::string_view doing);
  std::string masked(std::string text) const;

  PGconn* connection_ = nullptr;
  StopToken stop_;
  std::string host_;
  std::string secret_;
};

}  // namespace tidemark::postgres
