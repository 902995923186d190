#pragma once
// Inside the room only: why the server refuses to stream or stops doing so, with the codes wal_stream.h
// promises.

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "tidemark/error.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::postgres {

// The code of an answer whose SQLSTATE says nothing (XX000).
inline constexpr std::string_view kUnclassified = "sqlstate_xx000";

Error stream_error(const PGresult* result, std::string_view doing);
Error ahead_of_server(Lsn from, Lsn flushed);
// In the middle of a stream an error without a meaning of its own is the server's trouble, and a new start
// shows more.
Error broken_off(const Error& error);
Error not_in_history(const Error& refusal, Lsn from, TimelineId timeline);

}  // namespace tidemark::postgres
