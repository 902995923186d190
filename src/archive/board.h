#pragma once
// What the archiver's parts know together, behind one mutex: the status for monitor, the idle proofs, and the
// positions that callers wait for.

#include <condition_variable>
#include <memory>
#include <mutex>

#include "archive/idle_proofs.h"
#include "archive/pipeline.h"
#include "archive/server_watch.h"
#include "archive/status.h"
#include "postgres/wal_stream.h"

namespace tidemark::archive {

class Board {
 public:
  Board(wal::SegmentSize segment_size, Clock& clock) : segment_size_(segment_size), clock_(clock) {}

  ArchiveStatus status(const ServerWatch* watch) const;

  void set_state(ArchiveState state);
  void note_error(ArchiveState state, const Error& error);
  void note_gap(const WalGap& gap);
  void note_connection();
  void note_received(std::uint64_t bytes, Lsn server_end);
  void note_compared(std::uint64_t bytes);
  // Another pipeline, or none; the old one's positions are kept in the status.
  void use_pipeline(std::shared_ptr<Pipeline> pipeline);
  std::shared_ptr<Pipeline> pipeline() const;

  void saw_server(const ServerLook& look);
  bool commits_wait() const;  // the server's commits wait for us, as far as known
  bool sync_state_known() const;

  // Brings positions up to date from the pipeline: flush never goes backwards.
  postgres::StandbyPositions advance();
  std::optional<catalog::IdleProof> newest_proof() const;
  bool wait_until_durable(Lsn lsn, SteadyTime deadline, const StopToken& stop);

 private:
  const wal::SegmentSize segment_size_;
  Clock& clock_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable_any condition_;
  ArchiveStatus status_;
  IdleProofs proofs_;
  std::shared_ptr<Pipeline> pipeline_;
  std::optional<std::string> sync_state_;
  Lsn wanted_;  // what callers wait for
};

}  // namespace tidemark::archive
