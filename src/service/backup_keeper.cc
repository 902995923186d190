#include "service/backup_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/catalog_reader.h"
#include "service/logged_progress.h"
#include "tidemark/log.h"

namespace tidemark::service {

namespace {

constexpr Microseconds kWaitForLanes = std::chrono::milliseconds(200);

const archive::LaneStatus* lane_of(const archive::ArchiveStatus& status, const std::string& repository) {
  for (const auto& lane : status.lanes) {
    if (lane.repository == repository) return &lane;
  }
  return nullptr;
}

Error wal_missing(const std::string& repository, const backup::WalNeed& need) {
  return Error(ErrorKind::unavailable,
               fmt::format("the WAL of the backup, {} to {} on timeline {}, did not reach repository {}",
                           need.start.to_string(), need.stop.to_string(), need.timeline.value(), repository))
      .code("wal_not_archived");
}

}  // namespace

BackupKeeper::BackupKeeper(const ClusterService& cluster, const ArchiveKeeper& archives, Clock& clock,
                           const BackupIntervals& intervals)
    : cluster_(cluster), archives_(archives), clock_(clock), intervals_(intervals) {}

void BackupKeeper::run(const StopToken& stop) {
  if (!cluster_.data_directory) {
    log_warning("service",
                fmt::format("{}: no scheduled backups: backups over the wire are not available in this "
                            "version; set data_directory and run the service on the database host",
                            cluster_.name));
    return;
  }
  while (!stop.stop_requested()) {
    const bool ready = required_places_work(archives_.status());
    if (ready) {
      try {
        look_once(stop);
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::interrupted && stop.stop_requested()) return;
        if (error.kind() == ErrorKind::internal) throw;
        note_failure(error);
      }
    }
    // A backup that waits for its second look comes a little later than the first one, which does not.
    clock_.sleep(ready ? intervals_.look : intervals_.glance, stop);
  }
}

void BackupKeeper::look_once(const StopToken& stop) {
  const archive::Archives archives = archives_.archives();
  const BackupDecision decision = decide_backup(read_places(archives), pacing_.after_failure());
  if (!pacing_.may_start(decision, clock_.steady())) return;
  if (!decision.first && cluster_.backup_allowed && !cluster_.backup_allowed(clock_.now())) {
    if (!std::exchange(window_told_, true)) {
      log_info("service", fmt::format("{}: a backup is due ({}) and waits for its window", cluster_.name,
                                      decision.reason));
    }
    return;
  }
  window_told_ = false;
  archive::Archives targets;
  for (const std::size_t n : decision.targets) targets.push_back(archives.at(n));
  take(targets, decision.reason, stop);
}

std::vector<BackupPlace> BackupKeeper::read_places(const archive::Archives& archives) const {
  const auto status = archives_.status();
  const catalog::BackupSchedule schedule{cluster_.full_every};
  std::vector<BackupPlace> places;
  for (const auto& archive : archives) {
    BackupPlace place;
    place.required = archive->repository().options().required;
    const auto* lane = lane_of(status, archive->repository().name());
    place.takes_wal = lane != nullptr && lane->state == archive::LaneState::shipping;
    try {
      const catalog::Inventory inventory = repository::read_inventory(*archive);
      place.holds_none = inventory.backups.empty();
      place.due = catalog::backup_due(inventory, schedule, clock_.now());
    } catch (const Error& error) {
      if (place.required) throw;
      place.takes_wal = false;
    }
    places.push_back(place);
  }
  return places;
}

void BackupKeeper::take(const archive::Archives& targets, const std::string& reason, const StopToken& stop) {
  std::string names;
  std::vector<std::shared_ptr<repository::Repository>> repositories;
  for (const auto& target : targets) {
    names += (names.empty() ? "" : ", ") + target->repository().name();
    repositories.push_back(target->shared_repository());
  }
  log_info("service", fmt::format("{}: taking a full backup into {}: {}", cluster_.name, names, reason));
  backup::BackupOptions options;
  options.connection = cluster_.connection;
  options.data_directory = *cluster_.data_directory;
  options.cluster = cluster_.name;
  options.slot = cluster_.slot;
  options.jobs = cluster_.jobs;
  options.ensure_wal_archived = [&](const backup::WalNeed& need) { await_wal(targets, need, stop); };
  {
    const std::lock_guard lock(mutex_);
    state_.running = true;
  }
  const auto began = clock_.steady();
  try {
    LoggedProgress progress(cluster_.name, clock_);
    const auto result = backup::take_full_backup(options, repositories, progress, stop, clock_);
    note_success(result, std::chrono::duration<double>(clock_.steady() - began).count());
  } catch (const Error& error) {
    const std::lock_guard lock(mutex_);
    state_.running = false;
    throw;
  }
}

// The archiver answers for the required repositories; an optional one is waited for here. In the end each
// must show the WAL without a hole, since a stream that was cut meanwhile may have left one.
void BackupKeeper::await_wal(const archive::Archives& targets, const backup::WalNeed& need,
                             const StopToken& stop) const {
  const auto deadline = clock_.steady() + intervals_.wal_limit;
  if (!archives_.wait_until_durable(need.stop, deadline, stop)) {
    stop.throw_if_stopped();
    throw wal_missing(targets.front()->repository().name(), need);
  }
  for (const auto& target : targets) {
    const std::string& name = target->repository().name();
    for (;;) {
      const auto status = archives_.status();
      const auto* lane = lane_of(status, name);
      if (lane != nullptr && lane->durable >= need.stop) break;
      if (clock_.steady() >= deadline) throw wal_missing(name, need);
      if (!clock_.sleep(kWaitForLanes, stop)) stop.throw_if_stopped();
    }
    if (target->contiguous_end(need.timeline, need.start) < need.stop) throw wal_missing(name, need);
  }
}

void BackupKeeper::note_failure(const Error& error) {
  const Microseconds wait = pacing_.failed(clock_.steady());
  log_error("service", fmt::format("{}: the backup failed, the next try is in {}: {}{}{}", cluster_.name,
                                   span_text(to_seconds(wait)), error.what(),
                                   error.hint().empty() ? "" : "; hint: ", error.hint()));
  const std::lock_guard lock(mutex_);
  state_.last_error = error.what();
}

void BackupKeeper::note_success(const backup::BackupResult& result, double seconds) {
  pacing_.succeeded();
  const auto& header = result.header;
  const auto bytes = static_cast<double>(header.bytes);
  log_info("service", fmt::format("{}: backup {} finished: {} in {} ({}/s), {} stored", cluster_.name,
                                  header.id.to_string(), bytes_text(bytes), span_text(seconds),
                                  bytes_text(seconds > 0 ? bytes / seconds : 0),
                                  bytes_text(static_cast<double>(header.new_bytes))));
  for (const std::string& warning : result.warnings) {
    log_warning("service", fmt::format("{}: backup {}: {}", cluster_.name, header.id.to_string(), warning));
  }
  const std::lock_guard lock(mutex_);
  state_ = {false, "", seconds};
}

BackupState BackupKeeper::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace tidemark::service
