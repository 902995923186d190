#pragma once
// One stream while it streams: events into the pipeline, positions back to the server. One thread.

#include <optional>

#include "archive/board.h"
#include "archive/pipeline.h"
#include "archive/server_watch.h"
#include "archive/wake_up.h"
#include "postgres/wal_stream.h"
#include "tidemark/clock.h"
#include "tidemark/stop.h"

namespace tidemark::archive {

struct ReceiverOptions {
  Microseconds status_interval = std::chrono::seconds(10);  // at least so often, whatever happens
  Microseconds reply_limit =
      std::chrono::seconds(4);  // a demanded reply that takes longer lets the server go
};

enum class StreamOutcome {
  stopped,
  timeline_end,
  server_gone,  // it said good-bye
  let_go,       // it waits for us, most likely to shut down, and a repository does not take WAL
};

class Receiver {
 public:
  Receiver(postgres::WalStream& stream, Pipeline& pipeline, Board& board, const ServerWatch& watch,
           WakeUp& wake, const ReceiverOptions& options, Clock& clock);

  // Until the stop, or the stream's end. Throws what the stream, the ingest or a lane throws.
  StreamOutcome run(const StopToken& stop);
  const std::optional<postgres::TimelineEnd>& timeline_end() const { return timeline_end_; }
  // Positions as they are now, once more; while draining and before the end.
  void send_status();
  void tend_status();

 private:
  struct OwedReply {
    SteadyTime since;
    Lsn end;  // the server's position then
  };

  std::optional<StreamOutcome> handle(const postgres::StreamEvent& event);
  void take_pending();
  bool must_let_go() const;
  SteadyTime next_deadline() const;
  Microseconds status_wait() const;

  postgres::WalStream& stream_;
  Pipeline& pipeline_;
  Board& board_;
  const ServerWatch& watch_;
  WakeUp& wake_;
  const ReceiverOptions options_;
  Clock& clock_;

  postgres::StandbyPositions positions_, sent_;
  SteadyTime sent_at_;
  std::optional<OwedReply> owed_;
  Lsn server_end_;
  ByteView pending_;  // of the last event, not taken yet
  Lsn pending_at_;
  std::optional<SteadyTime> blocked_since_;  // the window is full
  std::optional<postgres::TimelineEnd> timeline_end_;
};

}  // namespace tidemark::archive
