#include "postgres/connection.h"

#include <fmt/format.h>

#include "postgres/session.h"

namespace tidemark::postgres {

namespace {

// Fixed forms for what we parse, and no time-outs of the server's own: a backup's session idles for hours,
// and losing it voids the backup. With client_connection_check_interval a statement whose client has gone
// does not run on.
constexpr const char* kSessionSettings =
    "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET bytea_output = "
    "'hex';"
    "SET extra_float_digits = 1; SET client_min_messages = 'warning'; SET statement_timeout = 0;"
    "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;";
constexpr const char* kSessionSettings14 =
    "SET idle_session_timeout = 0; SET client_connection_check_interval = '5s';";

Rows take_rows(const PGresult* result) {
  Rows rows;
  const int columns = PQnfields(result), count = PQntuples(result);
  for (int column = 0; column < columns; ++column) rows.columns.emplace_back(PQfname(result, column));
  rows.rows.reserve(static_cast<std::size_t>(count));
  for (int row = 0; row < count; ++row) {
    auto& values = rows.rows.emplace_back();
    values.reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      if (PQgetisnull(result, row, column) != 0) {
        values.emplace_back();
      } else {
        values.emplace_back(std::string(PQgetvalue(result, row, column),
                                        static_cast<std::size_t>(PQgetlength(result, row, column))));
      }
    }
  }
  return rows;
}

// Long statements are shortened: a message needs to say which one, not all of it.
std::string name_statement(const std::string& sql) {
  constexpr std::size_t kMost = 80;
  auto text = one_line(sql);
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return "statement `" + text + "`";
}

}  // namespace

const std::string& Rows::value() const {
  if (rows.size() != 1 || rows.front().size() != 1 || !rows.front().front().has_value()) {
    throw Error(ErrorKind::internal,
                fmt::format("expected a single value from the server, got {} rows of {} columns", rows.size(),
                            columns.size()));
  }
  return *rows.front().front();
}

struct Connection::State {
  Session session;
  std::chrono::milliseconds statement_timeout;
  int version_number = 0;

  State(const ConnectionOptions& options, const StopToken& stop)
      : session(options, stop, Session::Purpose::sql),
        statement_timeout(options.statement_timeout),
        version_number(PQserverVersion(session.raw())) {}

  void send(const std::string& sql, const std::vector<std::optional<std::string>>& parameters,
            Deadline deadline) {
    if (parameters.empty())
      return session.send(sql, deadline);  // the simple protocol: several statements are allowed
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const auto& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
    if (PQsendQueryParams(session.raw(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                          nullptr, nullptr, 0) == 0) {
      throw session.lost("sending a statement");
    }
    session.flush(deadline);
  }

  Rows collect(const std::string& sql, Deadline deadline) {
    Rows rows;
    std::optional<Error> failure;
    const auto doing = name_statement(sql);
    while (auto result = session.next_result(deadline, doing)) {
      switch (PQresultStatus(result.get())) {
        case PGRES_TUPLES_OK:
          rows = take_rows(result.get());
          break;
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY:
          break;
        case PGRES_COPY_IN:
        case PGRES_COPY_OUT:
        case PGRES_COPY_BOTH:
          session.close();
          throw Error(ErrorKind::internal, fmt::format("{}: copying is not possible here", doing));
        default:
          if (!failure) failure = statement_error(result.get(), doing);
      }
    }
    // A FATAL answer ends the session as well; later calls must say so.
    if (PQstatus(session.raw()) == CONNECTION_BAD) session.close();
    if (failure) throw Error(*failure);
    return rows;
  }
};

Connection::Connection(const ConnectionOptions& options, const StopToken& stop)
    : state_(std::make_unique<State>(options, stop)) {
  query(kSessionSettings + std::string(major() >= 14 ? kSessionSettings14 : ""), {}, options.connect_timeout);
}

Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

Rows Connection::query(const std::string& sql, const std::vector<std::optional<std::string>>& parameters,
                       std::optional<std::chrono::milliseconds> timeout) {
  state_->session.stop().throw_if_stopped();
  const auto deadline = std::chrono::steady_clock::now() + timeout.value_or(state_->statement_timeout);
  state_->send(sql, parameters, deadline);
  return state_->collect(sql, deadline);
}

int Connection::server_version_number() const { return state_->version_number; }

std::string Connection::host_for_messages() const { return state_->session.host_for_messages(); }

}  // namespace tidemark::postgres
