#include "archive/board.h"

#include <algorithm>
#include <utility>

namespace tidemark::archive {

ArchiveStatus Board::status(const ServerWatch* watch) const {
  ArchiveStatus status;
  std::shared_ptr<Pipeline> pipeline;
  {
    const std::lock_guard lock(mutex_);
    status = status_;
    pipeline = pipeline_;
    status.last_proof = proofs_.newest();
  }
  if (pipeline) {
    status.lanes = pipeline->lanes();
    status.received = pipeline->window().received();
    status.spool_error = pipeline->spool_error();
  }
  if (watch != nullptr) {
    const ServerWatch::View view = watch->view();
    status.server_answers = view.answers;
    status.moment_seen = view.seen;
    status.clock_skew = view.skew;
    if (view.look) {
      status.moment = view.look->moment;
      status.sync_state = view.look->sync_state;
      status.slot = view.look->slot;
    }
  }
  return status;
}

void Board::set_state(ArchiveState state) {
  const std::lock_guard lock(mutex_);
  status_.state = state;
}

void Board::note_error(ArchiveState state, const Error& error) {
  const std::lock_guard lock(mutex_);
  status_.state = state;
  status_.last_error = error.what();
  status_.last_error_code = error.code();
  status_.last_error_at = clock_.now();
  status_.counters.errors[std::string(error.code())] += 1;
}

void Board::note_gap(const WalGap& gap) {
  const std::lock_guard lock(mutex_);
  status_.last_gap = gap;
}

void Board::note_connection() {
  const std::lock_guard lock(mutex_);
  status_.counters.connections += 1;
}

void Board::note_received(std::uint64_t bytes, Lsn server_end) {
  const std::lock_guard lock(mutex_);
  status_.counters.received_bytes += bytes;
  status_.server_end = std::max(status_.server_end, server_end);
}

void Board::note_compared(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  status_.counters.compared_bytes += bytes;
}

void Board::use_pipeline(std::shared_ptr<Pipeline> pipeline) {
  std::shared_ptr<Pipeline> old;  // ends outside of the lock: its threads report here
  const std::lock_guard lock(mutex_);
  old = std::exchange(pipeline_, std::move(pipeline));
  if (pipeline_) {
    if (status_.timeline != pipeline_->timeline()) proofs_.forget_pending();
    status_.timeline = pipeline_->timeline();
  }
}

std::shared_ptr<Pipeline> Board::pipeline() const {
  const std::lock_guard lock(mutex_);
  return pipeline_;
}

void Board::saw_server(const ServerLook& look) {
  const std::lock_guard lock(mutex_);
  sync_state_ = look.sync_state;
  if (!look.moment.in_recovery)
    proofs_.saw(look.moment.clock, needed_below(look.moment.insert_lsn, segment_size_));
}

bool Board::commits_wait() const {
  const std::lock_guard lock(mutex_);
  return sync_state_ == "sync" || sync_state_ == "quorum";
}

bool Board::sync_state_known() const {
  const std::lock_guard lock(mutex_);
  return sync_state_.has_value();
}

postgres::StandbyPositions Board::advance() {
  const std::lock_guard lock(mutex_);
  if (!pipeline_) return {status_.write, status_.flush};
  const Lsn durable = pipeline_->durable();
  const bool all_ends_durable = pipeline_->window().ends_all_below(durable);
  proofs_.settle(pipeline_->timeline(), durable, pipeline_->window().received(), all_ends_durable);
  status_.flush = std::max(status_.flush, durable);
  status_.write = std::max({status_.write, status_.flush, pipeline_->written(durable)});
  if (wanted_ > status_.flush) pipeline_->window().demand(wanted_);
  condition_.notify_all();
  return {status_.write, status_.flush};
}

std::optional<catalog::IdleProof> Board::newest_proof() const {
  const std::lock_guard lock(mutex_);
  return proofs_.newest();
}

bool Board::wait_until_durable(Lsn lsn, SteadyTime deadline, const StopToken& stop) {
  std::unique_lock lock(mutex_);
  wanted_ = std::max(wanted_, lsn);
  if (pipeline_) pipeline_->window().demand(wanted_);
  condition_.wait_until(lock, stop.std_token(), deadline, [&] { return status_.flush >= lsn; });
  return status_.flush >= lsn;
}

}  // namespace tidemark::archive
