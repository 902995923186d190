#pragma once
// Keeps WAL ready ahead of replay: two threads read the planned segments in order into the ready folder,
// bounded in files and bytes; a third answers what restore_command asks for by name. design.md "A timestamp".

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>

#include "disk/durable_ops.h"
#include "flow/worker_group.h"
#include "restore/ready_folder.h"
#include "restore/wal_files.h"

namespace tidemark::restore {

struct PrefetchLimits {
  int workers = 2;
  std::uint64_t ahead_bytes = 512ULL << 20;
  std::uint32_t ahead_files = 64;
  bool durable = false;  // sync each file before it can be found; for folders that outlive their session
};

class Prefetcher {
 public:
  // Takes the folder's lock, clears it and starts. `files`, `ops` must outlive it. Error mismatch: another
  // one serves it.
  Prefetcher(const WalFiles& files, const ReadyFolder& folder, const Ownership& ownership,
             const PrefetchLimits& limits, disk::DurableOps& ops, const StopToken& stop);
  ~Prefetcher();  // stops; what is ready stays
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  std::uint64_t delivered_bytes() const { return delivered_bytes_; }
  // Time for which recovery waited for a planned segment.
  double stalled_seconds() const { return static_cast<double>(stalled_microseconds_.load()) / 1e6; }
  // The last error that a request was answered with; what makes recovery fail is most often this.
  std::string last_error() const;
  std::chrono::steady_clock::time_point last_request() const;

 private:
  void read_ahead(const StopToken& stop);
  void serve(const StopToken& stop);
  void answer(const std::string& name);
  void notice_taken();
  void skip_before(const std::string& name);
  std::optional<std::size_t> next_index(const StopToken& stop);
  void deliver_planned(std::size_t index);

  const WalFiles& files_;
  const ReadyFolder& folder_;
  const Ownership ownership_;
  const PrefetchLimits limits_;
  const std::size_t window_;
  disk::DurableOps& ops_;
  ServingLock lock_;

  mutable std::mutex mutex_;  // guards all that follows, but the counters
  std::condition_variable moved_;
  std::size_t next_ = 0;                                   // index to be read next
  std::deque<std::pair<std::size_t, std::string>> ready_;  // delivered and not taken yet, in any order
  std::set<std::string> reading_;                          // names that a thread is about to deliver
  std::string last_error_;
  std::chrono::steady_clock::time_point last_request_ = std::chrono::steady_clock::now();

  std::atomic<std::uint64_t> delivered_bytes_ = 0;
  std::atomic<std::int64_t> stalled_microseconds_ = 0;
  flow::WorkerGroup group_;  // last: its threads use everything above
};

}  // namespace tidemark::restore
