#pragma once
// Inside the room only: from a connection string to an authenticated libpq connection in non-blocking mode.

#include <libpq-fe.h>

#include <string>

#include "postgres/connection.h"

namespace tidemark::postgres {

struct Connected {
  PGconn* connection = nullptr;  // owned by the caller
  std::string host;              // "/var/run/postgresql:5432"
  std::string secret;  // the password of the connection string, to be masked wherever libpq quotes it
};

// Tries the hosts of the string one after the other, each with the whole connect timeout, so that one silent
// host does not use up the time of all. With several hosts and no target_session_attrs the writable one is
// taken.
Connected connect(const ConnectionOptions& options, const StopToken& stop, bool physical_replication);

std::string mask_secret(std::string text, const std::string& secret);

}  // namespace tidemark::postgres
