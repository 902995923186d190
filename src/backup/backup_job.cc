#include "backup/backup_job.h"

#include <fmt/format.h>

#include <optional>

#include "backup/backup_session.h"
#include "backup/backup_target.h"
#include "backup/control_reader.h"
#include "backup/copy_pipeline.h"
#include "backup/data_walk.h"
#include "backup/names_reader.h"
#include "backup/wal_wait.h"
#include "codec/keys.h"
#include "pgdata/backup_label.h"
#include "repository/wal_archive.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::backup {

namespace {

constexpr std::size_t kLookAhead = 16;  // units whose bytes are being fetched before a worker wants them
constexpr std::chrono::minutes kStopLimit{10};

class FullBackup {
 public:
  FullBackup(const BackupOptions& options, Progress& progress, const StopToken& stop, Clock& clock)
      : options_(options),
        progress_(progress),
        stop_(stop),
        clock_(clock),
        session_(options.connection, stop) {}

  BackupResult run(const std::vector<std::shared_ptr<repository::Repository>>& repositories) {
    check();
    open_targets(repositories);
    const StartedBackup started = begin();
    const CopyTotals totals = copy(started);
    // Before the stop: a standby's pg_control must say no less than what the files hold.
    manifest_.control_file = read_control().content;
    const StoppedBackup stopped = end(started);
    fill_manifest(totals, started, stopped);
    wait_for_wal_up_to(started, stopped);
    return finish();
  }

 private:
  void check();
  void open_targets(const std::vector<std::shared_ptr<repository::Repository>>& repositories);
  StartedBackup begin();
  void check_checkpoint(const StartedBackup& started);
  CopyTotals copy(const StartedBackup& started);
  ControlFileRead read_control();
  StoppedBackup end(const StartedBackup& started);
  void fill_manifest(const CopyTotals& totals, const StartedBackup& started, const StoppedBackup& stopped);
  void wait_for_wal_up_to(const StartedBackup& started, const StoppedBackup& stopped);
  BackupResult finish();
  std::vector<BackupTarget*> targets();
  DataWalk new_walk() const { return {options_.data_directory, control_.major, control_.catalog_version}; }

  // Time since the last call.
  Microseconds lap() {
    const auto now = clock_.steady();
    const auto span = std::chrono::duration_cast<Microseconds>(now - lap_);
    lap_ = now;
    return span;
  }

  const BackupOptions& options_;
  Progress& progress_;
  const StopToken& stop_;
  Clock& clock_;
  BackupSession session_;
  pgdata::ControlFile control_;
  std::vector<std::unique_ptr<BackupTarget>> targets_;
  std::vector<repository::WalArchive> archives_;
  catalog::Manifest manifest_;
  catalog::RememberedNames names_;
  BackupResult result_;
  std::chrono::steady_clock::time_point lap_;
};

std::vector<BackupTarget*> FullBackup::targets() {
  std::vector<BackupTarget*> all;
  for (const auto& target : targets_) all.push_back(target.get());
  return all;
}

ControlFileRead FullBackup::read_control() {
  return read_control_file(options_.data_directory, clock_, stop_);
}

void FullBackup::check() {
  session_.check_owns(options_.data_directory);
  control_ = read_control().parsed;
  if (session_.facts().wal_level == "minimal") {
    throw Error(ErrorKind::refused,
                "the server runs with wal_level = minimal, so no backup of it could be made consistent")
        .code("wal_level_minimal")
        .hint("set wal_level = replica and restart the server");
  }
  if (options_.check_archiving && !options_.ensure_wal_archived) {
    session_.check_archiving(options_.slot, options_.connection.application_name);
  }
}

void FullBackup::open_targets(const std::vector<std::shared_ptr<repository::Repository>>& repositories) {
  TIDEMARK_CHECK(!repositories.empty());
  const catalog::Incarnation incarnation{options_.cluster, control_.major, control_.system_id};
  const auto segment_size = wal::SegmentSize::from_bytes(control_.segment_bytes);
  if (!segment_size) {
    throw Error(ErrorKind::corrupt,
                fmt::format("pg_control names an impossible segment size: {}", control_.segment_bytes));
  }
  repository::ClusterIdentity identity;
  identity.incarnation = incarnation;
  identity.segment_bytes = control_.segment_bytes;
  identity.block_bytes = control_.block_bytes;
  identity.catalog_version = control_.catalog_version;
  identity.server_version_number = session_.facts().version_number;
  identity.recorded = clock_.now();
  for (const auto& repository : repositories) {
    repository::put_identity(*repository, identity);
    archives_.emplace_back(repository, incarnation, *segment_size);
    targets_.push_back(std::make_unique<BackupTarget>(repository, incarnation));
  }
}

StartedBackup FullBackup::begin() {
  lap();
  progress_.begin("starting the backup: the server makes a checkpoint", 0);
  const StartedBackup started =
      session_.begin(options_.label, options_.fast_checkpoint, options_.checkpoint_limit);
  progress_.end();
  check_checkpoint(started);

  catalog::Begun begun;
  begun.id = BackupId(started.started, static_cast<std::uint16_t>(codec::random_number()));
  begun.timeline = started.timeline;
  begun.start = started.start;
  begun.started = started.started;
  manifest_.header.id = begun.id;
  for (std::size_t n = 0; n < targets_.size(); ++n) {
    targets_[n]->find_broken_off(started.started - options_.reuse_age, archives_[n]);
    targets_[n]->begin(begun);
  }
  log_info("backup", fmt::format("{} began at {} on timeline {}", begun.id.to_string(),
                                 begun.start.to_string(), begun.timeline.value()));
  result_.timings.start = lap();
  return started;
}

// The server wrote its checkpoint into its own pg_control before it answered: the last proof that this
// directory is its.
void FullBackup::check_checkpoint(const StartedBackup& started) {
  const pgdata::ControlFile here = read_control().parsed;
  if (here.checkpoint_redo < started.start || here.checkpoint_timeline != started.timeline) {
    throw Error(
        ErrorKind::refused,
        fmt::format(
            "{} is not the data directory of the server: the checkpoint at {} that began this backup is not "
            "in it",
            options_.data_directory.string(), started.start.to_string()))
        .code("foreign_data_directory")
        .hint("give the data directory of the server that `connection` leads to, on this host");
  }
}

CopyTotals FullBackup::copy(const StartedBackup& started) {
  PageRules rules;
  rules.checksums = control_.data_checksum_version != 0;
  rules.block_bytes = control_.block_bytes;
  rules.relation_segment_blocks = control_.relation_segment_blocks;
  rules.backup_start = started.start;
  rules.insert_lsn = started.insert_lsn;
  PageInspector inspector(rules, [this] { return session_.read_insert_lsn(); });

  const std::uint64_t expected_bytes = estimate_bytes(new_walk());
  CopyCursor cursor(new_walk(), kLookAhead);
  CopyPipeline pipeline(cursor, inspector, targets(),
                        copy_limits(options_.jobs, options_.memory_limit_bytes, targets_.size()));
  progress_.begin("copying files", expected_bytes);
  bool names_read = false;
  const auto read_names_once = [&] {
    if (!std::exchange(names_read, true))
      names_ = read_names(session_, options_.connection, stop_, result_.warnings);
  };
  const CopyTotals totals = pipeline.run(progress_, stop_, [&] {
    read_names_once();
    // Also shows at once when the server restarted, rather than after hours of copying in vain.
    inspector.note_insert_lsn(session_.read_insert_lsn());
  });
  read_names_once();  // a small copy may be over before
  progress_.end();

  manifest_.header.bad_page_count = inspector.bad_page_count();
  manifest_.bad_pages = inspector.take_bad_pages();
  result_.timings.copy = lap();
  return totals;
}

StoppedBackup FullBackup::end(const StartedBackup& started) {
  const StoppedBackup stopped = session_.end(kStopLimit);
  const pgdata::BackupLabel label = pgdata::parse_backup_label(stopped.backup_label);
  if (label.start != started.start || label.timeline != started.timeline ||
      label.from_standby != session_.facts().in_recovery) {
    throw Error(
        ErrorKind::mismatch,
        fmt::format(
            "the server began the backup at {} on timeline {} and ended one that began at {} on timeline {}",
            started.start.to_string(), started.timeline.value(), label.start.to_string(),
            label.timeline.value()))
        .code("server_changed")
        .hint("the server was promoted or replaced meanwhile; take the backup again");
  }
  result_.timings.stop = lap();
  return stopped;
}

void FullBackup::fill_manifest(const CopyTotals& totals, const StartedBackup& started,
                               const StoppedBackup& stopped) {
  catalog::BackupHeader& header = manifest_.header;
  header.kind = catalog::BackupKind::full;
  header.timeline = started.timeline;
  header.start = started.start;
  header.from_standby = session_.facts().in_recovery;
  header.stop = stopped.stop;
  if (!header.from_standby) {
    header.backup_end = backup_end_start(stopped.stop, control_.wal_block_bytes, control_.segment_bytes);
  }
  header.started = started.started;
  header.finished = stopped.finished;
  header.bytes = totals.bytes;
  header.file_count = totals.files;
  header.extent_count = totals.extents;
  header.server_version_number = session_.facts().version_number;
  manifest_.system_id = control_.system_id;
  manifest_.control_version = control_.control_version;
  manifest_.catalog_version = control_.catalog_version;
  manifest_.block_bytes = control_.block_bytes;
  manifest_.segment_bytes = control_.segment_bytes;
  manifest_.relation_segment_blocks = control_.relation_segment_blocks;
  manifest_.data_checksums = control_.data_checksum_version != 0;
  manifest_.backup_label = stopped.backup_label;
  manifest_.tablespace_map = stopped.tablespace_map;
  manifest_.tablespaces = read_tablespaces(options_.data_directory);
}

void FullBackup::wait_for_wal_up_to(const StartedBackup& started, const StoppedBackup& stopped) {
  const WalNeed need{started.timeline, started.start, stopped.stop};
  progress_.begin("waiting for the WAL of the backup", 0);
  if (options_.ensure_wal_archived) {
    options_.ensure_wal_archived(need);
  } else {
    wait_for_wal(archives_, need, options_.wal_limit, progress_, stop_, clock_);
  }
  progress_.end();
  result_.timings.wal = lap();
}

BackupResult FullBackup::finish() {
  for (std::size_t n = 0; n < targets_.size(); ++n) {
    stop_.throw_if_stopped();
    targets_[n]->store().put_names(manifest_.header.id, names_);
    const catalog::BackupHeader header = targets_[n]->finish(manifest_, archives_[n]);
    if (n == 0) result_.header = header;
  }
  result_.reused_bytes = targets_[0]->reused_bytes();
  result_.bad_pages = std::move(manifest_.bad_pages);
  if (result_.header.bad_page_count > 0) {
    result_.warnings.push_back(
        fmt::format("{} pages are bad and were stored as they are", result_.header.bad_page_count));
    log_warning("backup", result_.warnings.back());
  }
  result_.timings.finish = lap();
  log_info("backup",
           fmt::format("{} is complete: {} files, {} bytes, {} stored", result_.header.id.to_string(),
                       result_.header.file_count, result_.header.bytes, result_.header.new_bytes));
  return std::move(result_);
}

}  // namespace

BackupResult take_full_backup(const BackupOptions& options,
                              const std::vector<std::shared_ptr<repository::Repository>>& targets,
                              Progress& progress, const StopToken& stop, Clock& clock) {
  try {
    return FullBackup(options, progress, stop, clock).run(targets);
  } catch (Error& error) {
    error.add_context(fmt::format("taking a backup of cluster {}", options.cluster));
    throw;
  }
}

}  // namespace tidemark::backup
