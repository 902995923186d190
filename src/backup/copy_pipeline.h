#pragma once
// Copies what a cursor hands out into the packs and parts of every target: identical workers take an extent
// through reading, page checks, hash, zstd and encryption on their own buffers, one thread a target stores.
// The first failure anywhere ends all of it.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "backup/backup_target.h"
#include "backup/copy_cursor.h"
#include "backup/page_inspector.h"
#include "backup/part_assembler.h"
#include "tidemark/progress.h"
#include "tidemark/stop.h"

namespace tidemark::backup {

struct CopyLimits {
  int jobs = 2;
  std::uint64_t pack_bytes = 32ULL << 20;
};
// Packs such that those being filled, waiting and being stored fit the limit together.
CopyLimits copy_limits(int jobs, std::uint64_t memory_limit_bytes, std::size_t targets);

class CopyPipeline {
 public:
  CopyPipeline(CopyCursor& cursor, PageInspector& inspector, std::vector<BackupTarget*> targets,
               CopyLimits limits);

  // Blocks until all is stored. `meanwhile` is called in the caller's thread soon and then every few seconds
  // (to see that the server still holds the backup open); what it throws ends the copy.
  CopyTotals run(Progress& progress, const StopToken& stop, const std::function<void()>& meanwhile);

 private:
  class Worker;
  void copy(const StopToken& stop);  // a worker's body
  void fail_all(const std::exception_ptr& error);
  void wait_for_workers(Progress& progress, const std::function<void()>& meanwhile);
  void worker_ended();

  CopyCursor& cursor_;
  PageInspector& inspector_;
  const std::vector<BackupTarget*> targets_;
  const CopyLimits limits_;
  PartAssembler assembler_;
  std::atomic<std::uint64_t> copied_bytes_{0};
  std::mutex mutex_;  // guards running_
  std::condition_variable ended_;
  int running_ = 0;
};

}  // namespace tidemark::backup
