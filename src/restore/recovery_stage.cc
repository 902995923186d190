#include "restore/recovery_stage.h"

#include <fmt/format.h>

#include <chrono>

#include "disk/file_reader.h"
#include "pgdata/control_file.h"
#include "restore/prefetcher.h"
#include "restore/restored_server.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::restore {

namespace {

namespace fs = std::filesystem;

class Stage {
 public:
  Stage(const RecoveryRequest& request, disk::DurableOps& ops, Clock& clock, Progress& progress,
        const StopToken& stop)
      : request_(request),
        target_(request.options.target_directory),
        ops_(ops),
        clock_(clock),
        progress_(progress),
        stop_(stop),
        files_(request.archives, request.prepared.state),
        folder_(target_, request.prepared.state.session) {}

  RecoveryResult run() {
    folder_.create(ops_, ownership());
    prefetcher_.emplace(files_, folder_, ownership(), request_.options.prefetch, ops_, stop_);
    try {
      begin();
      const RecoveryEnd end = watch();
      if (end == RecoveryEnd::shut_down) {
        after_shutdown();
      } else {
        after_pause(end);
      }
    } catch (...) {
      // A server that recovers on, fed by nobody and watched by nobody, helps no one.
      stop_quietly();
      throw;
    }
    return std::move(result_);
  }

 private:
  const Ownership& ownership() const { return request_.preparation.ownership; }
  TargetAction action() const { return request_.options.action.value_or(TargetAction::promote); }

  void begin() {
    postgres::ServerStart start;
    start.binaries = *request_.preparation.binaries;
    start.data_directory = target_;
    start.log_file = target_ / kServerLog;
    const RestoreCommand command{request_.options.program.string(), request_.options.program_arguments,
                                 ReadyFolder::relative(request_.prepared.state.session).string()};
    // On the command line, because none of it may outlive this server: its folder of ready files is not
    // synced.
    start.settings = {"restore_command=" + render_restore_command(command),
                      "data_directory=" + target_.string(), "logging_collector=off",
                      "log_destination=stderr"};
    server_.emplace(start, request_.prepared.place, clock_, stop_,
                    [this] { return prefetcher_->last_error(); });
    result_.running = true;
  }

  RecoveryEnd watch() {
    const auto began = clock_.steady();
    const double stalled_before = prefetcher_->stalled_seconds();
    const RecoveryEnd end = server_->watch(request_.plan, progress_);
    const double stalled = prefetcher_->stalled_seconds() - stalled_before;
    result_.wal_seconds += stalled;
    result_.replay_seconds += std::max(0.0, seconds_since(began) - stalled);
    return end;
  }

  double seconds_since(std::chrono::steady_clock::time_point then) const {
    return std::chrono::duration<double>(clock_.steady() - then).count();
  }

  void check() {
    const ReachedFacts facts = server_->read_reached(request_.plan);
    result_.reached = facts.replay_end;
    result_.timeline = request_.plan.timeline;
    result_.differences = differences_from_plan(request_.plan, facts);
    result_.connection_string = server_->connection_string();
  }

  void after_pause(RecoveryEnd end) {
    check();
    if (end == RecoveryEnd::promoted) {
      result_.notes.emplace_back("PostgreSQL promoted by itself instead of pausing at the target");
      result_.timeline = server_->prove_write();
    }
    if (!result_.differences.empty())
      return;  // left for a person to look at, and for nobody else to write to
    if (end != RecoveryEnd::promoted)
      act();
    else
      finish_promotion();
  }

  void act() {
    switch (action()) {
      case TargetAction::promote:
        return promote();
      case TargetAction::pause:
        return let_everybody_in();
      case TargetAction::shutdown:
        server_->stop();
        result_.running = false;
        return;
    }
  }

  void promote() {
    progress_.note("promoting");
    const auto began = clock_.steady();
    server_->promote();
    result_.timeline = server_->prove_write();
    result_.start_seconds = seconds_since(began);
    finish_promotion();
  }

  // Recovery's own settings and files away; what keeps this server from disturbing production stays until
  // `adopt`.
  void finish_promotion() {
    prefetcher_.reset();
    result_.prepared_transactions = server_->read_prepared_transactions();
    const fs::path file = target_ / "postgresql.auto.conf";
    const Bytes content = disk::read_whole_file(file, 16 << 20);
    const std::string text = auto_conf_after_recovery(as_text(content));
    disk::write_file_durably(ops_, file, as_bytes(text));
    give(ops_, file, ownership());
    ReadyFolder::remove_all(ops_, target_);
    ops_.unlink(target_ / kStateFile);
    ops_.sync_folder(target_);
    let_everybody_in();
  }

  void let_everybody_in() {
    open_door(ops_, target_, ownership());
    server_->reload_configuration();
  }

  // Hot standby was not certain, so PostgreSQL was told to shut down at the target. Its pg_control says where
  // it stands; queries have to wait until it is open.
  void after_shutdown() {
    result_.running = false;
    const auto control = pgdata::parse_control_file(disk::read_whole_file(target_ / kControlFile, 1 << 20));
    if (!control) throw Error(ErrorKind::corrupt, "pg_control has a wrong checksum after recovery");
    result_.reached = control->minimum_recovery_point;
    result_.timeline = request_.plan.timeline;
    ReachedFacts facts;
    facts.replay_end = result_.reached;
    result_.differences = differences_from_plan(request_.plan, facts);
    if (!result_.differences.empty() || action() == TargetAction::shutdown) return;
    if (action() == TargetAction::pause) {
      result_.notes.emplace_back(
          "the server is shut down at the target: it could not be paused there, because a standby "
          "cannot be queried before it knows which transactions were running");
      return;
    }
    promote_by_restart();
  }

  // The same target again, promoting this time. Nobody but us gets in before the check has passed.
  void promote_by_restart() {
    const fs::path file = target_ / "postgresql.auto.conf";
    const Bytes content = disk::read_whole_file(file, 16 << 20);
    std::string text = without_setting(as_text(content), "recovery_target_action");
    text += "recovery_target_action = 'promote'\n";
    disk::write_file_durably(ops_, file, as_bytes(text));
    give(ops_, file, ownership());
    const auto began = clock_.steady();
    begin();
    const RecoveryEnd end = server_->watch(request_.plan, progress_);
    check();
    if (end == RecoveryEnd::paused) {
      if (result_.differences.empty()) promote();
      return;
    }
    result_.timeline = server_->prove_write();
    result_.start_seconds = seconds_since(began);
    if (!result_.differences.empty()) return;
    finish_promotion();
  }

  void stop_quietly() {
    if (!server_) return;
    try {
      server_->stop();
    } catch (const Error& failure) {
      log_warning("restore", fmt::format("the restored server was left running: {}", failure.what()));
    }
  }

  const RecoveryRequest& request_;
  const fs::path target_;
  disk::DurableOps& ops_;
  Clock& clock_;
  Progress& progress_;
  const StopToken& stop_;
  const WalFiles files_;
  const ReadyFolder folder_;
  std::optional<Prefetcher> prefetcher_;
  std::optional<RestoredServer> server_;
  RecoveryResult result_;
};

}  // namespace

RecoveryResult recover(const RecoveryRequest& request, disk::DurableOps& ops, Clock& clock,
                       Progress& progress, const StopToken& stop) {
  return Stage(request, ops, clock, progress, stop).run();
}

}  // namespace tidemark::restore
