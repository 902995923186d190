#include "service/report_keeper.h"

#include <algorithm>

#include "service/live_report.h"

namespace tidemark::service {

namespace {

constexpr Microseconds kShortestPause = std::chrono::seconds(2);
constexpr Microseconds kLongestPause = std::chrono::minutes(1);
constexpr int kPauseFactor = 10;
constexpr Microseconds kOpeningPause = std::chrono::milliseconds(100);

bool opening(const std::vector<monitor::ConfiguredRepository>& repositories) {
  return std::any_of(repositories.begin(), repositories.end(),
                     [](const auto& one) { return !one.opened && one.error == kNotOpenYet; });
}

// Of the file system that the spool lies on, or will lie on.
std::uint64_t free_bytes(std::filesystem::path folder) {
  for (; !folder.empty(); folder = folder.parent_path()) {
    std::error_code error;
    const auto space = std::filesystem::space(folder, error);
    if (!error) return space.available;
    if (folder == folder.parent_path()) break;
  }
  return 0;
}

monitor::GatherOptions gather_options(const ClusterService& cluster) {
  return {cluster.name, cluster.slot, to_seconds(cluster.rpo), to_seconds(cluster.rto)};
}

}  // namespace

Microseconds pause_after_reading(Microseconds took) {
  return std::clamp(took * kPauseFactor, kShortestPause, kLongestPause);
}

ReportKeeper::ReportKeeper(const ClusterService& cluster, std::filesystem::path spool,
                           const ArchiveKeeper& archives, const BackupKeeper& backups, Clock& clock)
    : cluster_(cluster),
      spool_(std::move(spool)),
      archives_(archives),
      backups_(backups),
      clock_(clock),
      started_(clock.now()) {
  // Nothing was read yet: as if no repository could be.
  auto snapshot = std::make_shared<Snapshot>();
  auto unread = archives_.repositories();
  for (auto& one : unread) one.opened.reset();
  snapshot->report = monitor::read_repositories(gather_options(cluster_), unread, started_);
  snapshot_ = std::move(snapshot);
}

void ReportKeeper::run(const StopToken& stop) {
  // Otherwise the first reading would find nothing, and say so for seconds.
  while (opening(archives_.repositories()) && clock_.sleep(kOpeningPause, stop)) {
  }
  while (!stop.stop_requested()) {
    const auto began = clock_.steady();
    read();
    const auto took = std::chrono::duration_cast<Microseconds>(clock_.steady() - began);
    clock_.sleep(pause_after_reading(took), stop);
  }
}

void ReportKeeper::read() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->report =
      monitor::read_repositories(gather_options(cluster_), archives_.repositories(), clock_.now());
  snapshot->proven_until = monitor::proven_until(snapshot->report);
  snapshot->spool_free_bytes = free_bytes(spool_);
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(snapshot);
}

monitor::ClusterReport ReportKeeper::report() const {
  std::shared_ptr<const Snapshot> snapshot;
  {
    const std::lock_guard lock(mutex_);
    snapshot = snapshot_;
  }
  LiveFacts facts;
  facts.now = clock_.now();
  facts.started = started_;
  facts.archive = archives_.status();
  facts.backup = backups_.state();
  facts.spool_free_bytes = snapshot->spool_free_bytes;
  facts.proven_until = snapshot->proven_until;
  return merge_report(snapshot->report, facts);
}

}  // namespace tidemark::service
