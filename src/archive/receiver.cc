#include "archive/receiver.h"

#include <algorithm>

namespace tidemark::archive {
namespace {

// Where nobody waits for them, positions are sent so often at most.
constexpr auto kRelaxedStatus = std::chrono::milliseconds(100);
// A shutting down server answers each reply with another demand: without a pause that would be a busy loop.
constexpr auto kOwedStatus = std::chrono::milliseconds(500);
// With a full window the stream is not read, so only this wakes us besides the lanes.
constexpr auto kBlockedWait = std::chrono::seconds(1);

}  // namespace

Receiver::Receiver(postgres::WalStream& stream, Pipeline& pipeline, Board& board, const ServerWatch& watch,
                   WakeUp& wake, const ReceiverOptions& options, Clock& clock)
    : stream_(stream),
      pipeline_(pipeline),
      board_(board),
      watch_(watch),
      wake_(wake),
      options_(options),
      clock_(clock),
      sent_at_() {}

StreamOutcome Receiver::run(const StopToken& stop) {
  for (;;) {
    wake_.clear();
    pipeline_.rethrow_failure();
    pipeline_.window().set_synchronous(board_.commits_wait());
    tend_status();
    if (stop.stop_requested()) return StreamOutcome::stopped;
    if (must_let_go()) return StreamOutcome::let_go;
    if (!pending_.empty()) {
      take_pending();
      continue;
    }
    if (const auto outcome = handle(stream_.receive(next_deadline(), wake_.descriptor()))) return *outcome;
  }
}

std::optional<StreamOutcome> Receiver::handle(const postgres::StreamEvent& event) {
  using Kind = postgres::StreamEvent::Kind;
  switch (event.kind) {
    case Kind::data:
      pending_ = event.bytes;
      pending_at_ = event.start;
      server_end_ = event.server_end;
      board_.note_received(event.bytes.size(), event.server_end);
      break;
    case Kind::keepalive:
      server_end_ = event.server_end;
      board_.note_received(0, event.server_end);
      if (event.reply_requested) {
        if (!owed_) owed_ = OwedReply{clock_.steady(), event.server_end};
        owed_->end = event.server_end;
        pipeline_.window().demand(event.server_end);
      }
      break;
    case Kind::timeline_end:
      timeline_end_ = event.timeline_end;
      return StreamOutcome::timeline_end;
    case Kind::server_gone:
      return StreamOutcome::server_gone;
    case Kind::timeout:
      break;
  }
  return std::nullopt;
}

void Receiver::take_pending() {
  const std::uint64_t compared = pipeline_.ingest().compared_bytes();
  const std::size_t taken = pipeline_.ingest().take(pending_at_, pending_, clock_.steady());
  if (pipeline_.ingest().compared_bytes() != compared)
    board_.note_compared(pipeline_.ingest().compared_bytes() - compared);
  if (taken > 0) {
    pending_ = pending_.subspan(taken);
    pending_at_ += taken;
    if (blocked_since_) board_.set_state(ArchiveState::streaming);
    blocked_since_.reset();
    return;
  }
  if (!blocked_since_) {
    blocked_since_ = clock_.steady();
    board_.set_state(ArchiveState::waiting_for_repository);
    pipeline_.window().demand(pipeline_.window().received());
  }
  wake_.wait_until(std::min(next_deadline(), clock_.steady() + kBlockedWait));
}

// While the window is full the stream is not read, so a shutdown shows only in that the server answers no
// longer.
bool Receiver::must_let_go() const {
  const SteadyTime now = clock_.steady();
  if (owed_ && now - owed_->since >= options_.reply_limit) return true;
  if (!blocked_since_ || now - *blocked_since_ < options_.reply_limit) return false;
  const ServerWatch::View view = watch_.view();
  return !view.answers && now - view.failing_since >= options_.reply_limit;
}

Microseconds Receiver::status_wait() const {
  if (owed_) return kOwedStatus;
  const bool moved = positions_.flush != sent_.flush || positions_.write != sent_.write;
  if (!moved) return options_.status_interval;
  const bool relaxed = board_.sync_state_known() && !board_.commits_wait();
  return relaxed ? Microseconds(kRelaxedStatus) : Microseconds(0);
}

void Receiver::tend_status() {
  positions_ = board_.advance();
  const bool settled = owed_ && positions_.flush >= owed_->end;
  if (settled) owed_.reset();
  if (settled || clock_.steady() >= sent_at_ + status_wait()) send_status();
}

void Receiver::send_status() {
  positions_ = board_.advance();
  stream_.send_status(positions_, false);
  sent_ = positions_;
  sent_at_ = clock_.steady();
}

SteadyTime Receiver::next_deadline() const {
  SteadyTime deadline = sent_at_ + status_wait();
  if (owed_) deadline = std::min(deadline, owed_->since + options_.reply_limit);
  return deadline;
}

}  // namespace tidemark::archive
