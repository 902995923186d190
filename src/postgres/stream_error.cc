#include "postgres/stream_error.h"

#include <fmt/format.h>

#include "postgres/session.h"

namespace tidemark::postgres {

namespace {

Error recoded(const Error& error, ErrorKind kind, std::string_view code, std::string hint) {
  return Error(kind, error.message()).code(code).hint(std::move(hint));
}

}  // namespace

Error stream_error(const PGresult* result, std::string_view doing) {
  const auto error = statement_error(result, doing);
  const auto state = sqlstate_of(result);
  if (state == "58P01") {  // undefined_file: the only file a walsender opens for us is a WAL segment
    return recoded(error, ErrorKind::refused, "wal_removed",
                   "the server no longer has this WAL: take a new backup, which opens a new recovery window");
  }
  if (state == "55006") {
    return recoded(error, ErrorKind::unavailable, "slot_active",
                   "another process streams from this slot; two services must not share one");
  }
  if (state == "55000") {
    return recoded(
        error, ErrorKind::refused, "slot_lost",
        "drop the slot, run `tidemark init` and take a new backup, which opens a new recovery window");
  }
  if (state == "42704") {
    return recoded(error, ErrorKind::not_found, "slot_missing",
                   "run `tidemark init`, which creates the slot");
  }
  return error;
}

Error broken_off(const Error& error) {
  return error.kind() == ErrorKind::internal
             ? recoded(error, ErrorKind::unavailable, "stream_failed", error.hint())
             : error;
}

Error ahead_of_server(Lsn from, Lsn flushed) {
  return Error(ErrorKind::mismatch,
               fmt::format("the archive reaches {}, the server has written only up to {}", from.to_string(),
                           flushed.to_string()))
      .code("ahead_of_server")
      .hint(
          "this server lost WAL that was archived, or it is another one: check which server the connection "
          "reaches");
}

Error not_in_history(const Error& refusal, Lsn from, TimelineId timeline) {
  return Error(ErrorKind::mismatch, fmt::format("{}: timeline {} of this server does not hold {}",
                                                refusal.message(), timeline.value(), from.to_string()))
      .code("not_in_history")
      .hint("this server does not continue what is archived: check which server the connection reaches");
}

}  // namespace tidemark::postgres
