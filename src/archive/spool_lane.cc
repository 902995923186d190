#include "archive/spool_lane.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::archive {
namespace {

constexpr auto kWait = std::chrono::seconds(5);
constexpr auto kErrorWait = std::chrono::milliseconds(200);

}  // namespace

SpoolLane::SpoolLane(Spool spool, WalWindow& window, Clock& clock, std::function<void()> advanced)
    : spool_(std::move(spool)),
      window_(window),
      clock_(clock),
      advanced_(std::move(advanced)),
      reader_(window.add_reader(window.options().start, true)),
      begin_(window.options().start),
      end_(window.options().start) {}

void SpoolLane::run(const StopToken& stop) {
  while (!stop.stop_requested()) {
    try {
      if (!turn()) break;
    } catch (const Error& error) {
      failed(error);
      if (window_.look(end_).closed) break;  // what is left is compared or removed the next time
      clock_.sleep(kErrorWait, stop);
    }
  }
  finished_ = true;
  advanced_();
}

bool SpoolLane::turn() {
  const Lsn durable(required_durable_.load());
  spool_.remove_below(durable);
  skip_durable(durable);
  const Lsn position = end_;  // only this thread changes it
  const WalWindow::Look look = window_.look(position);
  if (look.closed && durable >= look.received) {
    spool_.remove_all();
    return false;
  }
  if (resume_at_ || !window_.attached(reader_)) {
    begin_again();
  } else if (look.received > position) {
    const auto size = window_.options().segment_size;
    const Lsn to = std::min(look.received, wal::segment_of_start(position, size).end(size));
    spool_.write(position, window_.held(position, to));
    {
      const std::lock_guard lock(mutex_);
      end_ = to;
      error_.clear();
    }
    window_.advance(reader_, to);
    advanced_();
    return true;
  }
  if (window_.look(end_).version == look.version) window_.wait_change(look.version, clock_.steady() + kWait);
  return true;
}

// The repositories were faster: what they hold whole needs no spool any more.
void SpoolLane::skip_durable(Lsn durable) {
  const auto size = window_.options().segment_size;
  if (durable < wal::segment_of_start(end_, size).end(size)) return;
  const Lsn at = wal::segment_of_start(durable, size).start(size);
  {
    const std::lock_guard lock(mutex_);
    begin_ = end_ = at;
  }
  window_.advance(reader_, at);
}

void SpoolLane::failed(const Error& error) {
  spool_.abandon_file();
  window_.detach(reader_);
  const auto size = window_.options().segment_size;
  // What differs from a leftover is begun anew at once, in a file of its own; a disk that fails gets a rest
  // of a segment.
  const auto segment = wal::segment_of_start(end_, size);
  resume_at_ = error.code() == "spool_differs" ? segment.start(size) : segment.next().start(size);
  log_warning("archive", fmt::format("spool: {}; going on at {}", error.what(), resume_at_->to_string()));
  const std::lock_guard lock(mutex_);
  error_ = error.what();
}

// A file begins at its segment's start, so the next try waits for that to be in the window, or goes to the
// segment that is being received when the window has moved on.
void SpoolLane::begin_again() {
  const auto size = window_.options().segment_size;
  const Lsn received = window_.received();
  Lsn at = resume_at_.value_or(wal::segment_of_start(end_, size).start(size));
  if (at > received) return;
  if (!window_.attach_again(reader_, at)) {
    at = wal::segment_of_start(received, size).start(size);
    if (!window_.attach_again(reader_, at)) return;
  }
  resume_at_.reset();
  const std::lock_guard lock(mutex_);
  begin_ = end_ = at;
}

Lsn SpoolLane::written(Lsn flush) const {
  const std::lock_guard lock(mutex_);
  return begin_ <= flush ? std::max(end_, flush) : flush;
}

std::string SpoolLane::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace tidemark::archive
