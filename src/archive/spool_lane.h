#pragma once
// The thread that brings received WAL into the spool: one write and one fdatasync for all that came
// meanwhile. A spool that fails holds up nothing: `write` then follows `flush`, and the spool is tried again
// with the next segment.

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "archive/spool.h"
#include "archive/wal_window.h"
#include "tidemark/clock.h"
#include "tidemark/error.h"
#include "tidemark/stop.h"

namespace tidemark::archive {

class SpoolLane {
 public:
  SpoolLane(Spool spool, WalWindow& window, Clock& clock, std::function<void()> advanced);
  void run(const StopToken& stop);  // the thread's body

  // What may be reported as written when `flush` is durable in the repositories: the spool's end, as long as
  // all below its beginning is in the repositories.
  Lsn written(Lsn flush) const;
  void required_reached(Lsn durable) { required_durable_ = durable.value(); }
  std::string error() const;
  bool finished() const { return finished_; }  // run() did all it could

 private:
  bool turn();  // false: done
  void skip_durable(Lsn durable);
  void failed(const Error& error);
  void begin_again();

  Spool spool_;
  WalWindow& window_;
  Clock& clock_;
  const std::function<void()> advanced_;
  std::size_t reader_;
  std::optional<Lsn> resume_at_;  // failed or left behind: where the next try begins
  std::atomic<std::uint64_t> required_durable_ = 0;
  std::atomic<bool> finished_ = false;
  mutable std::mutex mutex_;  // guards begin_, end_, error_
  Lsn begin_, end_;           // contiguous in the spool
  std::string error_;
};

}  // namespace tidemark::archive
