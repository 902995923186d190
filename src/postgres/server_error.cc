#include "postgres/server_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "postgres/session.h"

namespace tidemark::postgres {

namespace {

struct Meaning {
  std::string_view prefix;  // of the SQLSTATE
  ErrorKind kind;
  std::string_view code;
  std::string_view hint;
};

// The longest matching prefix counts. Source: PostgreSQL's appendix "Error Codes".
constexpr Meaning kMeanings[] = {
    {"08", ErrorKind::unavailable, "connection_lost", ""},
    {"25006", ErrorKind::refused, "read_only",
     "connect to the primary: name all hosts in the connection string and the primary is found"},
    {"28", ErrorKind::config, "authentication_failed",
     "check user and password of the connection string and the server's pg_hba.conf"},
    {"3D000", ErrorKind::config, "no_such_database", "name an existing database in the connection string"},
    {"40", ErrorKind::unavailable, "serialization", ""},
    {"42501", ErrorKind::refused, "privilege",
     "run `tidemark init`, which prints the statements that grant what is missing"},
    {"42704", ErrorKind::not_found, "no_such_object", ""},
    {"53", ErrorKind::unavailable, "server_out_of_resources", ""},
    {"53300", ErrorKind::unavailable, "too_many_connections", "raise max_connections or free a connection"},
    {"55000", ErrorKind::refused, "wrong_state", ""},
    {"55006", ErrorKind::unavailable, "in_use", ""},
    {"55P03", ErrorKind::unavailable, "locked", ""},
    {"57014", ErrorKind::unavailable, "statement_cancelled", ""},
    {"57P", ErrorKind::unavailable, "connection_lost", ""},
    {"57P03", ErrorKind::unavailable, "starting_up", "the server is starting up or shutting down: wait"},
    {"58", ErrorKind::unavailable, "server_system_error", "look at the server's log"},
};

const Meaning* meaning_of(std::string_view sqlstate) {
  const Meaning* best = nullptr;
  for (const auto& meaning : kMeanings) {
    if (sqlstate.starts_with(meaning.prefix) &&
        (best == nullptr || best->prefix.size() < meaning.prefix.size())) {
      best = &meaning;
    }
  }
  return best;
}

bool sqlstate_shaped(std::string_view text) {
  return text.size() == 5 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

// A verbose ErrorResponse reads "FATAL:  28P01: password authentication failed", severity in the server's
// language.
struct VerboseText {
  std::string sqlstate;
  std::string message;
};

VerboseText take_sqlstate(std::string text) {
  for (auto at = text.find(":  "); at != std::string::npos; at = text.find(":  ", at + 1)) {
    const auto state = std::string_view(text).substr(at + 3, 5);
    if (!sqlstate_shaped(state) || text.compare(at + 8, 2, ": ") != 0) continue;
    VerboseText result{std::string(state), ""};
    text.erase(at + 2, 8);  // "FATAL: password ..."
    result.message = std::move(text);
    return result;
  }
  return {"", std::move(text)};
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t'))
      line.remove_suffix(1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// libpq's own findings, which never heal by trying again; libpq reports them as text only.
bool cannot_heal(std::string_view text) {
  return text.starts_with("invalid ") || contains(text, "invalid port number") ||
         contains(text, "SSL was required") || contains(text, "certificate verify failed") ||
         contains(text, "does not match host name") || contains(text, "could not match");
}

}  // namespace

std::string one_line(std::string_view libpq_text) {
  std::string joined;
  for (const auto line : lines_of(libpq_text)) {
    if (line.starts_with("LOCATION:")) continue;
    if (!joined.empty()) joined += joined.back() == ':' ? " " : "; ";
    joined += line;
  }
  return joined;
}

Error connect_error(std::string_view host, std::string_view libpq_text, bool needs_password) {
  auto [sqlstate, text] = take_sqlstate(one_line(libpq_text));
  auto message = fmt::format("connecting to {}: {}", host, text);
  if (const auto* meaning = meaning_of(sqlstate); !sqlstate.empty() && meaning != nullptr) {
    return Error(meaning->kind, std::move(message)).code(meaning->code).hint(std::string(meaning->hint));
  }
  if (needs_password) {
    return Error(ErrorKind::config, std::move(message))
        .code("authentication_failed")
        .hint("put the password into ~/.pgpass of the user who runs this program");
  }
  if (cannot_heal(text)) {
    return Error(ErrorKind::config, std::move(message))
        .code("connection_string")
        .hint("mend the connection string");
  }
  return Error(ErrorKind::unavailable, std::move(message))
      .code("cannot_connect")
      .hint("check that the server runs and that host and port of the connection string are right");
}

Error sqlstate_error(std::string_view sqlstate, std::string_view doing, std::string_view server_text,
                     std::string_view server_hint) {
  auto message = fmt::format("{}: {}", doing, one_line(server_text));
  if (const auto* meaning = meaning_of(sqlstate)) {
    auto hint = server_hint.empty() ? std::string(meaning->hint) : one_line(server_hint);
    return Error(meaning->kind, std::move(message)).code(meaning->code).hint(std::move(hint));
  }
  std::string code = "sqlstate_";
  for (const char c : sqlstate) code += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return Error(ErrorKind::internal, std::move(message)).code(code).hint(one_line(server_hint));
}

std::string sqlstate_of(const PGresult* result) {
  const char* text = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return text == nullptr ? std::string() : std::string(text);
}

Error statement_error(const PGresult* result, std::string_view doing) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return text == nullptr ? std::string() : std::string(text);
  };
  auto text = field(PG_DIAG_MESSAGE_PRIMARY);
  if (const auto detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) text += "; " + detail;
  if (text.empty()) text = PQresultErrorMessage(result);
  return sqlstate_error(sqlstate_of(result), doing, text, field(PG_DIAG_MESSAGE_HINT));
}

}  // namespace tidemark::postgres
