#include "archive/chores.h"

#include <fmt/format.h>

#include "repository/catalog_reader.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::archive {
namespace {

constexpr std::size_t kWaitingLimit = 256;

}  // namespace

Chores::Chores(std::shared_ptr<repository::WalArchive> archive, Clock& clock)
    : archive_(std::move(archive)), clock_(clock) {}

void Chores::remove_superseded(TimelineId timeline, wal::SegmentNo segment) {
  add(fmt::format("removing what segment {} superseded",
                  wal::segment_file_name(timeline, segment, archive_->segment_size())),
      [this, timeline, segment] { archive_->remove_superseded(timeline, segment); });
}

void Chores::finish_log(TimelineId timeline, std::uint32_t log) {
  add(fmt::format("merging the index of log {:08X} of timeline {}", log, timeline.value()),
      [this, timeline, log] { archive_->store_log_index(timeline, log); });
  store_checkpoint();
}

void Chores::store_checkpoint() {
  add("storing a checkpoint", [this] { repository::store_checkpoint(*archive_, clock_.now()); });
}

void Chores::store_proof(const catalog::IdleProof& proof) {
  add("storing an idle proof", [this, proof] {
    repository::put_mark(*archive_, proof.time, catalog::kMarkIdleProof, proof.serialize());
  });
}

void Chores::ensure_identity(const repository::ClusterIdentity& identity) {
  add("storing the cluster's identity", [this, identity] {
    if (repository::newest_identity(archive_->repository(), identity.incarnation)) return;
    repository::put_identity(archive_->repository(), identity);
  });
}

void Chores::add(std::string doing, std::function<void()> act) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() == kWaitingLimit) {
    waiting_.pop_front();
    ++failures_;
  }
  waiting_.push_back({std::move(doing), std::move(act)});
  condition_.notify_one();
}

void Chores::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  condition_.notify_all();
}

std::optional<Chores::Chore> Chores::next(const StopToken& stop) {
  std::unique_lock lock(mutex_);
  condition_.wait(lock, stop.std_token(), [&] { return !waiting_.empty() || closed_; });
  if (waiting_.empty() || stop.stop_requested()) return std::nullopt;
  Chore chore = std::move(waiting_.front());
  waiting_.pop_front();
  return chore;
}

void Chores::run(const StopToken& stop) {
  while (auto chore = next(stop)) {
    try {
      chore->act();
    } catch (const Error& error) {
      ++failures_;
      log_warning("archive", fmt::format("repository {}: {}: {}", archive_->repository().name(), chore->doing,
                                         error.what()));
    }
  }
}

}  // namespace tidemark::archive
