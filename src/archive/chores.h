#pragma once
// What a repository's lane leaves to be done beside the stream, so that no commit waits for it: removing what
// a full segment superseded, merged log indexes, checkpoints, idle proofs, the cluster's identity. All of it
// is derived or can be repeated; what fails is logged, counted and left to the next time (or to `expire`).

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "catalog/mark.h"
#include "repository/repository.h"
#include "repository/wal_archive.h"
#include "tidemark/clock.h"
#include "tidemark/stop.h"

namespace tidemark::archive {

class Chores {
 public:
  Chores(std::shared_ptr<repository::WalArchive> archive, Clock& clock);

  // Any thread; never block. With too many waiting the oldest is dropped.
  void remove_superseded(TimelineId timeline, wal::SegmentNo segment);
  void finish_log(TimelineId timeline, std::uint32_t log);  // its index, then a checkpoint
  void store_checkpoint();
  void store_proof(const catalog::IdleProof& proof);
  void ensure_identity(const repository::ClusterIdentity& identity);

  void run(const StopToken& stop);  // the thread's body: until the stop, or closed and done
  void close();                     // what waits is still done
  std::uint64_t failures() const { return failures_; }

 private:
  struct Chore {
    std::string doing;
    std::function<void()> act;
  };
  void add(std::string doing, std::function<void()> act);
  std::optional<Chore> next(const StopToken& stop);

  const std::shared_ptr<repository::WalArchive> archive_;
  Clock& clock_;
  std::mutex mutex_;  // guards waiting_ and closed_
  std::condition_variable_any condition_;
  std::deque<Chore> waiting_;
  bool closed_ = false;
  std::atomic<std::uint64_t> failures_ = 0;
};

}  // namespace tidemark::archive
