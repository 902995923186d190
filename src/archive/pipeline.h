#pragma once
// One timeline's way from the stream into spool and repositories: window, ingest, a lane per repository,
// their threads. Lives across reconnects; a new one is made for another timeline or after what memory holds
// became doubtful.

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "archive/chores.h"
#include "archive/continuation.h"
#include "archive/ingest.h"
#include "archive/lane.h"
#include "archive/spool_lane.h"
#include "archive/wal_window.h"
#include "flow/worker_group.h"

namespace tidemark::archive {

struct PipelineSetup {
  ShippingRule rule;
  std::uint64_t window_bytes = 128ULL << 20;
  std::optional<std::filesystem::path> spool;
};

class Pipeline {
 public:
  // `chores` one per archive, in the same order. `advanced` is called from the threads when a position moved
  // or one failed. References outlive the pipeline.
  Pipeline(const PipelineSetup& setup, const Archives& archives,
           const std::vector<std::unique_ptr<Chores>>& chores, const Continuation& from,
           const wal::TimelineHistory& history, disk::DurableOps& ops, Clock& clock,
           std::function<void()> advanced);
  ~Pipeline();  // stops the threads; what is not durable yet stays with the server, or in the spool
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  TimelineId timeline() const { return window_.options().timeline; }
  WalWindow& window() { return window_; }
  const WalWindow& window() const { return window_; }
  Ingest& ingest() { return ingest_; }
  Lsn resume_from() const;  // start of the segment being received

  Lsn durable() const;  // in every required repository; any thread
  Lsn written(Lsn flush) const;
  // After window().close(): all is durable in the required repositories, and the spool is cleared.
  bool drained() const { return durable() >= window_.received() && (!spool_ || spool_->finished()); }
  bool failed() const { return failed_; }
  void rethrow_failure();  // of a thread that died
  std::vector<LaneStatus> lanes() const;
  std::string spool_error() const { return spool_ ? spool_->error() : std::string(); }

 private:
  IngestSetup ingest_setup(const Archives& archives, const Continuation& from,
                           const wal::TimelineHistory& history) const;
  void make_lanes(const PipelineSetup& setup, const Archives& archives,
                  const std::vector<std::unique_ptr<Chores>>& chores, const Continuation& from, Clock& clock);
  void lane_advanced();

  const std::function<void()> advanced_;
  WalWindow window_;
  Ingest ingest_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<SpoolLane> spool_;
  std::atomic<bool> failed_ = false;
  flow::WorkerGroup threads_;  // last: joined before what they use goes
};

}  // namespace tidemark::archive
