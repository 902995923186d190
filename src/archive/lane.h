#pragma once
// A repository's lane: one thread that takes received WAL from the window and makes it durable in that
// repository, one put in flight, what arrives meanwhile gathered for the next. A failing repository is tried
// again here with back-off, as cutting the stream would not heal it; other lanes go on.
//
// An optional repository that falls behind the window is detached from it and catches up from a required one,
// whole segments at a time.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "archive/chores.h"
#include "archive/shipping_rule.h"
#include "archive/status.h"
#include "archive/wal_window.h"
#include "repository/wal_archive.h"
#include "tidemark/clock.h"
#include "tidemark/stop.h"

namespace tidemark::archive {

struct LaneOptions {
  bool required = true;
  ShippingRule rule;
  Microseconds first_wait = std::chrono::milliseconds(200);
  Microseconds longest_wait = std::chrono::seconds(15);
};

class Lane {
 public:
  // `durable`: end of what the repository holds without a hole. `source`: a required repository, for catching
  // up; null when this one is required. `advanced` is called from the lane's thread after each step; all
  // references outlive the lane.
  Lane(std::shared_ptr<repository::WalArchive> archive, std::shared_ptr<repository::WalArchive> source,
       const LaneOptions& options, Lsn durable, WalWindow& window, Chores& chores, Clock& clock,
       std::function<void()> advanced);

  // Until the stop, or the window is closed and all of it is durable. Throws Error mismatch/"divergent_wal"
  // when a required repository holds other bytes; an optional one then only leaves.
  void run(const StopToken& stop);

  Lsn durable() const { return Lsn(durable_.load()); }
  bool required() const { return options_.required; }
  LaneStatus status() const;
  // What is durable in the required repositories, for an optional lane that catches up from one of them.
  void source_reached(Lsn durable) { source_durable_ = durable.value(); }

 private:
  enum class Turn { shipped, waited, done };
  Turn turn(const StopToken& stop);
  bool ship_due(const WalWindow::Look& look, SteadyTime& due);
  void ship(const WalWindow::Look& look);
  void store_whole(const WalWindow::Stretch& stretch);
  void store_part(const WalWindow::Stretch& stretch);
  bool append_to_open(const WalWindow::Stretch& stretch);
  Turn catch_up();
  void copy_segment(wal::SegmentNo segment);
  void reached(Lsn durable, std::uint64_t bytes);
  void segment_done(wal::SegmentNo segment, bool had_parts);
  void note_error(const Error& error);
  void set_state(LaneState state);
  [[noreturn]] void diverged(wal::SegmentNo segment) const;
  std::string segment_text(wal::SegmentNo segment) const;

  const std::shared_ptr<repository::WalArchive> archive_, source_;
  const LaneOptions options_;
  WalWindow& window_;
  Chores& chores_;
  Clock& clock_;
  const std::function<void()> advanced_;
  const TimelineId timeline_;
  const wal::SegmentSize segment_size_;

  // The lane's thread only.
  std::unique_ptr<repository::OpenSegment> open_;
  bool parts_of_segment_ = false;  // the segment of durable_ holds pieces or an open object
  std::optional<SteadyTime> waiting_since_;
  std::size_t reader_;

  std::atomic<std::uint64_t> durable_, source_durable_;
  mutable std::mutex mutex_;  // guards status_
  LaneStatus status_;
};

}  // namespace tidemark::archive
