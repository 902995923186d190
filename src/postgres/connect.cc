#include "postgres/connect.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <vector>

#include "postgres/server_error.h"
#include "postgres/session.h"

namespace tidemark::postgres {

namespace {

using Parameters = std::map<std::string, std::string>;

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using OwnedConnection = std::unique_ptr<PGconn, Finish>;

// libpq's own message quotes parts of the string, which may be the password: it is not passed on.
Parameters parse_connection_string(const std::string& text) {
  char* message = nullptr;
  PQconninfoOption* options = PQconninfoParse(text.c_str(), &message);
  PQfreemem(message);
  if (options == nullptr) {
    throw Error(ErrorKind::config, "the connection string cannot be read")
        .code("connection_string")
        .hint(
            "write it as libpq has it, host=... port=... user=... dbname=... or "
            "postgresql://user@host/dbname");
  }
  Parameters parameters;
  for (const auto* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parameters[option->keyword] = option->val;
  }
  PQconninfoFree(options);
  return parameters;
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items(1);
  for (const char c : text) {
    if (c == ',') {
      items.emplace_back();
    } else {
      items.back() += c;
    }
  }
  return items;
}

std::string item_for(const std::vector<std::string>& items, std::size_t at) {
  if (items.size() == 1) return items.front();
  return at < items.size() ? items[at] : std::string();
}

// One set of parameters for each host. prefer-standby needs two rounds over all hosts, which libpq does
// itself.
std::vector<Parameters> attempts(Parameters parameters) {
  const auto names = split_list(parameters["host"]), addresses = split_list(parameters["hostaddr"]),
             ports = split_list(parameters["port"]);
  const auto count = std::max(names.size(), addresses.size());
  if (count > 1 && !parameters.contains("target_session_attrs"))
    parameters["target_session_attrs"] = "read-write";
  if (count == 1 || parameters["target_session_attrs"] == "prefer-standby") return {parameters};
  std::vector<Parameters> result;
  for (std::size_t i = 0; i < count; ++i) {
    auto one = parameters;
    one["host"] = item_for(names, i);
    one["hostaddr"] = item_for(addresses, i);
    one["port"] = item_for(ports, i);
    result.push_back(std::move(one));
  }
  return result;
}

void add_defaults(Parameters& parameters, const ConnectionOptions& options, bool physical_replication) {
  // The user's own application_name, from the string or PGAPPNAME, wins over the fallback.
  parameters["fallback_application_name"] = options.application_name;
  parameters["client_encoding"] = "UTF8";
  if (physical_replication) {
    parameters["replication"] = "true";
    parameters.erase("dbname");
  }
  // A peer that vanished without a word is noticed within some 30 s instead of two hours.
  parameters.try_emplace("keepalives_idle", "15");
  parameters.try_emplace("keepalives_interval", "5");
  parameters.try_emplace("keepalives_count", "3");
  parameters.try_emplace("tcp_user_timeout", "30000");
}

OwnedConnection begin_connecting(const Parameters& parameters) {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : parameters) {
    if (value.empty()) continue;
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  OwnedConnection connection(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!connection) throw std::bad_alloc();
  // Verbose, because only then does the text of a refused connection carry the SQLSTATE.
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  return connection;
}

std::string describe_host(PGconn* connection) {
  const char* host = PQhost(connection);
  const char* port = PQport(connection);
  return fmt::format("{}:{}", host == nullptr || *host == '\0' ? "localhost" : host,
                     port == nullptr ? "" : port);
}

// False: the deadline passed.
bool wait_for_socket(PGconn* connection, PostgresPollingStatusType wanted, Deadline deadline,
                     const StopToken& stop) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd watched[2] = {
        {PQsocket(connection), static_cast<short>(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0},
        {stop.wake_descriptor(), POLLIN, 0}};
    const int ready = ::poll(watched, 2, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) throw errno_error(errno, "waiting for the server's socket");
    stop.throw_if_stopped();
    if (ready > 0) return true;
  }
}

Error timeout_error(PGconn* connection) {
  return Error(ErrorKind::unavailable,
               fmt::format("connecting to {}: no answer in time", describe_host(connection)))
      .code("connect_timeout")
      .hint("check that the server runs and that host, port and firewall let this machine reach it");
}

void finish_connecting(PGconn* connection, Deadline deadline, const StopToken& stop,
                       const std::string& secret) {
  auto wanted = PGRES_POLLING_WRITING;
  if (PQstatus(connection) == CONNECTION_BAD) wanted = PGRES_POLLING_FAILED;
  while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
    if (!wait_for_socket(connection, wanted, deadline, stop)) throw timeout_error(connection);
    wanted = PQconnectPoll(connection);
  }
  if (wanted == PGRES_POLLING_OK) return;
  throw connect_error(describe_host(connection), mask_secret(PQerrorMessage(connection), secret),
                      PQconnectionNeedsPassword(connection) != 0);
}

std::chrono::milliseconds connect_timeout(const Parameters& parameters, std::chrono::milliseconds otherwise) {
  const auto named = parameters.find("connect_timeout");
  if (named == parameters.end()) return otherwise;
  int seconds = 0;
  const auto& text = named->second;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return parsed.ec == std::errc() && seconds > 0 ? std::chrono::seconds(seconds) : otherwise;
}

OwnedConnection attempt(const Parameters& parameters, std::chrono::milliseconds timeout,
                        const StopToken& stop, const std::string& secret) {
  stop.throw_if_stopped();
  auto connection = begin_connecting(parameters);
  finish_connecting(connection.get(), std::chrono::steady_clock::now() + timeout, stop, secret);
  PQsetErrorVerbosity(connection.get(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(connection.get(), 1) != 0) {
    throw Error(ErrorKind::internal, "libpq refused to work without blocking");
  }
  return connection;
}

}  // namespace

std::string mask_secret(std::string text, const std::string& secret) {
  if (secret.empty()) return text;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
    text.replace(at, secret.size(), "***");
  }
  return text;
}

Connected connect(const ConnectionOptions& options, const StopToken& stop, bool physical_replication) {
  auto parameters = parse_connection_string(options.connection_string);
  const auto secret = parameters.contains("password") ? parameters["password"] : std::string();
  const auto timeout = connect_timeout(parameters, options.connect_timeout);
  add_defaults(parameters, options, physical_replication);
  const auto hosts = attempts(std::move(parameters));
  for (std::size_t i = 0;; ++i) {
    try {
      auto connection = attempt(hosts[i], timeout, stop, secret);
      auto host = describe_host(connection.get());
      return {connection.release(), std::move(host), secret};
    } catch (const Error& error) {
      // The last host's answer is the one that is told; a stop ends the round at once.
      if (error.kind() == ErrorKind::interrupted || i + 1 == hosts.size()) throw;
    }
  }
}

std::optional<std::string> user_of(const std::string& connection_string) {
  const Parameters parameters = parse_connection_string(connection_string);
  const auto user = parameters.find("user");
  return user == parameters.end() || user->second.empty() ? std::nullopt : std::optional(user->second);
}

}  // namespace tidemark::postgres
