#include "backup/copy_pipeline.h"

#include <algorithm>
#include <chrono>

#include "flow/worker_group.h"
#include "pgdata/page_checksum.h"
#include "tidemark/checksum.h"
#include "tidemark/error.h"

namespace tidemark::backup {

namespace {

constexpr std::uint64_t kSmallestPack = 4ULL << 20, kLargestPack = 32ULL << 20;
constexpr std::chrono::milliseconds kProgressStep{200};
constexpr std::chrono::seconds kMeanwhileStep{5};

}  // namespace

CopyLimits copy_limits(int jobs, std::uint64_t memory_limit_bytes, std::size_t targets) {
  CopyLimits limits;
  limits.jobs = std::clamp(jobs, 1, 64);
  // A quarter is left to buffers, contexts and parts. A target has one pack a worker, one that waits, one
  // being stored.
  const std::uint64_t packs =
      (static_cast<std::uint64_t>(limits.jobs) + 2) * std::max<std::size_t>(targets, 1);
  limits.pack_bytes = std::clamp(memory_limit_bytes / 4 * 3 / packs, kSmallestPack, kLargestPack);
  return limits;
}

// What one worker reuses from extent to extent.
class CopyPipeline::Worker {
 public:
  explicit Worker(CopyPipeline& pipeline) : pipeline_(pipeline), buffer_(catalog::kExtentBytes) {
    for (BackupTarget* target : pipeline.targets_) {
      packs_.push_back(target->new_pack_writer(pipeline.limits_.pack_bytes));
    }
  }

  CopiedUnit copy(CopyUnit& unit) {
    CopiedUnit copied;
    copied.sequence = unit.sequence;
    copied.ends = unit.ends;
    if (unit.source) {
      const ByteView plain = read(unit);
      const bool zero = pgdata::all_zero(plain);
      for (std::size_t target = 0; target < packs_.size(); ++target) {
        copied.extents.push_back(store(target, plain, zero));
      }
    }
    copied.begins = std::move(unit.begins);
    return copied;
  }

  void finish() {
    for (std::size_t target = 0; target < packs_.size(); ++target) {
      if (!packs_[target]->empty()) hand_over(target);
    }
  }

 private:
  // Exactly the bytes promised when the file was opened. What is missing because the file was cut since then
  // is filled with zeros, as PostgreSQL's own base backup does: the WAL that cut it will be replayed over it.
  ByteView read(const CopyUnit& unit) {
    const std::span<Byte> plain = std::span(buffer_).first(unit.length);
    const std::size_t found = unit.source->file.read_up_to(unit.offset, plain);
    pipeline_.inspector_.inspect(unit, plain.first(found));
    std::fill(plain.begin() + static_cast<std::ptrdiff_t>(found), plain.end(), Byte{0});
    return plain;
  }

  catalog::Extent store(std::size_t target, ByteView plain, bool zero) {
    BackupTarget& to = *pipeline_.targets_[target];
    catalog::Extent extent;
    extent.plain_bytes = static_cast<std::uint32_t>(plain.size());
    extent.zero = zero;
    if (zero) return extent;
    extent.hash = xxh3_128(plain, to.hash_seed());
    if (const auto known = to.find_reusable(extent.hash)) {
      extent.base = *known;
      return extent;
    }
    extent.base = packs_[target]->add(plain, extent.hash);
    if (packs_[target]->full()) hand_over(target);
    return extent;
  }

  void hand_over(std::size_t target) {
    if (!pipeline_.targets_[target]->queue().push(packs_[target]->finish())) {
      throw Error(ErrorKind::internal, "the queue of packs was closed too early");
    }
  }

  CopyPipeline& pipeline_;
  Bytes buffer_;
  std::vector<std::unique_ptr<repository::PackWriter>> packs_;  // one a target
};

CopyPipeline::CopyPipeline(CopyCursor& cursor, PageInspector& inspector, std::vector<BackupTarget*> targets,
                           CopyLimits limits)
    : cursor_(cursor),
      inspector_(inspector),
      targets_(std::move(targets)),
      limits_(limits),
      assembler_(targets_) {}

void CopyPipeline::copy(const StopToken& stop) {
  Worker worker(*this);
  for (;;) {
    stop.throw_if_stopped();
    auto unit = cursor_.take();
    if (!unit) break;
    const std::uint32_t length = unit->length;
    assembler_.deliver(worker.copy(*unit));
    copied_bytes_ += length;
  }
  worker.finish();
}

// Queues first: whoever holds the assembler may be waiting in one.
void CopyPipeline::fail_all(const std::exception_ptr& error) {
  for (BackupTarget* target : targets_) target->queue().fail(error);
  assembler_.fail(error);
}

void CopyPipeline::worker_ended() {
  const std::lock_guard lock(mutex_);
  --running_;
  ended_.notify_all();
}

void CopyPipeline::wait_for_workers(Progress& progress, const std::function<void()>& meanwhile) {
  std::uint64_t shown = 0;
  auto next = std::chrono::steady_clock::now();
  for (bool running = true; running;) {
    {
      std::unique_lock lock(mutex_);
      running = !ended_.wait_for(lock, kProgressStep, [this] { return running_ == 0; });
    }
    const std::uint64_t copied = copied_bytes_.load();
    progress.advance(copied - shown);
    shown = copied;
    if (running && std::chrono::steady_clock::now() >= next) {
      meanwhile();
      next = std::chrono::steady_clock::now() + kMeanwhileStep;
    }
  }
}

CopyTotals CopyPipeline::run(Progress& progress, const StopToken& stop,
                             const std::function<void()>& meanwhile) {
  flow::WorkerGroup storers(stop, [this](const std::exception_ptr& error) { fail_all(error); });
  for (BackupTarget* target : targets_) {
    storers.start([target](const StopToken&) { target->store_queued(); });
  }
  // Declared after the storers and so ended before them; either group's failure wakes the other through the
  // queues.
  flow::WorkerGroup workers(stop, [this](const std::exception_ptr& error) { fail_all(error); });
  running_ = limits_.jobs;
  for (int job = 0; job < limits_.jobs; ++job) {
    workers.start([this](const StopToken& token) {
      struct Ended {
        CopyPipeline& pipeline;
        ~Ended() { pipeline.worker_ended(); }
      } ended{*this};
      copy(token);
    });
  }
  try {
    wait_for_workers(progress, meanwhile);
    workers.join();
    const CopyTotals totals = assembler_.finish();
    for (BackupTarget* target : targets_) target->queue().close();
    storers.join();
    return totals;
  } catch (...) {
    fail_all(
        std::current_exception());  // the groups' destructors join: nobody may be left waiting in a queue
    throw;
  }
}

}  // namespace tidemark::backup
