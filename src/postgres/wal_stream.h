#pragma once
// Port: physical streaming replication, postgres-notes 4.1; replication/walsender.c, protocol "Streaming
// Replication Protocol". The real one speaks libpq; tests replace it with a scripted one. One thread.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "postgres/connection.h"
#include "tidemark/bytes.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/stop.h"
#include "tidemark/timeline.h"

namespace tidemark::postgres {

struct SystemIdentity {  // IDENTIFY_SYSTEM
  SystemId system_id;
  TimelineId timeline;
  Lsn flush_lsn;
};

struct StandbyPositions {  // each is the last byte + 1; apply is reported as invalid (0/0)
  Lsn write;
  Lsn flush;
};

struct TimelineEnd {  // the server finished a historic timeline
  TimelineId next;
  Lsn switch_point;
};

struct StreamEvent {
  enum class Kind {
    data,          // `start`, `bytes`; valid until the next receive()
    keepalive,     // `reply_requested`
    timeline_end,  // `timeline_end`; call start() again after fetching the history
    server_gone,   // the server ended the stream in an orderly way (shutdown)
    timeout,       // nothing arrived before the deadline, or the wake-up descriptor became readable
  };
  Kind kind = Kind::timeout;
  Lsn start;             // data
  ByteView bytes;        // data
  Lsn server_end;        // data, keepalive: the server's position
  Instant server_clock;  // data, keepalive
  bool reply_requested = false;
  std::optional<TimelineEnd> timeline_end;
};

class WalStream {
 public:
  virtual ~WalStream() = default;
  virtual SystemIdentity identify() = 0;
  virtual std::string segment_size_setting() = 0;                      // SHOW wal_segment_size: "16MB"
  virtual std::string read_timeline_history(TimelineId timeline) = 0;  // content of the history file
  // Begins streaming. When `from` is exactly the end of a historic timeline the answer is that end and
  // nothing streams. Errors: refused/"wal_removed" (requested WAL segment is gone),
  // mismatch/"ahead_of_server" (ahead of the flush position), mismatch/"not_in_history" (the timeline does
  // not hold `from`), refused/"slot_lost", unavailable/"slot_active", not_found/"slot_missing".
  virtual std::optional<TimelineEnd> start(const std::string& slot, Lsn from, TimelineId timeline) = 0;
  // One event; waits until `deadline`, or until `wake_descriptor` (-1: none) is readable, or until the stop
  // given at opening is requested, which is a timeout as well: the caller still has bytes to ship and a
  // status to send. Several data messages that already arrived may be merged into one event of up to about 1
  // MiB as long as they are contiguous. Errors: as start(), since the server notices a removed segment or a
  // lost slot only when it gets there; unavailable/"connection_lost".
  virtual StreamEvent receive(std::chrono::steady_clock::time_point deadline, int wake_descriptor) = 0;
  // Never waits: what the socket does not take is sent by later calls, the newest status in place of older
  // ones. May be called for any time without receive(), so that a server that waits for us does not cut the
  // link.
  virtual void send_status(const StandbyPositions& positions, bool request_reply) = 0;
  // CopyDone, drains. Bounded; never throws for a server that has gone. start() may follow when it has not.
  virtual void finish() = 0;
};

// A replication connection ("replication=true" is added to the string). A stop ends every wait but
// receive()'s with Error interrupted.
std::unique_ptr<WalStream> open_wal_stream(const ConnectionOptions& options, const StopToken& stop);

}  // namespace tidemark::postgres
