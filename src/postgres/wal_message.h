#pragma once
// Inside the room only: the messages inside CopyData while WAL streams, big-endian; PostgreSQL's manual,
// "Streaming Replication Protocol". Pure.

#include <array>
#include <optional>

#include "postgres/wal_stream.h"

namespace tidemark::postgres {

struct WalMessage {
  enum class Kind { data, keepalive };
  Kind kind = Kind::keepalive;
  Lsn start;       // data
  ByteView bytes;  // data; lies in the message
  Lsn server_end;
  Instant server_clock;
  bool reply_requested = false;  // keepalive
};

// Error corrupt for a message that is too short or of no known kind.
WalMessage parse_wal_message(ByteView message);

// Standby status update. Apply is reported as invalid: nothing is applied here.
using StatusMessage = std::array<Byte, 34>;
StatusMessage render_status(const StandbyPositions& positions, Instant now, bool request_reply);

}  // namespace tidemark::postgres
