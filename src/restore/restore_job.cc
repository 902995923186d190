#include "restore/restore_job.h"

#include <fmt/format.h>

#include <chrono>

#include "repository/catalog_reader.h"
#include "restore/planning.h"
#include "restore/prepare_target.h"
#include "restore/recovery_stage.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::restore {

struct RestoreJob::State {
  State(std::vector<RestoreSource> all_sources, RestoreOptions wanted, disk::DurableOps& with_ops,
        Clock& with_clock, Progress& with_progress, StopToken with_stop)
      : sources(std::move(all_sources)),
        options(std::move(wanted)),
        ops(with_ops),
        clock(with_clock),
        progress(with_progress),
        stop(std::move(with_stop)),
        began(clock.steady()),
        asked(clock.now()) {
    // "dir/" names the same folder as "dir", and its parent is not itself.
    auto& target = options.target_directory;
    target = target.lexically_normal();
    if (!target.has_filename() && target != target.root_path()) target = target.parent_path();
  }

  std::vector<RestoreSource> sources;
  RestoreOptions options;
  disk::DurableOps& ops;
  Clock& clock;
  Progress& progress;
  StopToken stop;
  std::chrono::steady_clock::time_point began;
  Instant asked;
  std::optional<ChosenSource> chosen;
  std::vector<std::shared_ptr<repository::WalArchive>> archives;

  const PlannedRestore& plan() {
    if (!chosen) chosen = plan_restore(sources, options.request, host_name(), clock, archives);
    return chosen->planned;
  }

  double seconds_since(std::chrono::steady_clock::time_point then) const {
    return std::chrono::duration<double>(clock.steady() - then).count();
  }

  std::vector<std::string> repository_names() const {
    std::vector<std::string> names = {chosen->planned.repository};
    for (const auto& archive : archives) {
      if (archive->repository().name() != names.front()) names.push_back(archive->repository().name());
    }
    return names;
  }

  RestoreOutcome run() {
    const PlannedRestore& planned = plan();
    const Preparation preparation = check_before(options, *chosen);
    RestoreOutcome outcome;
    outcome.repository = planned.repository;
    outcome.notes = planned.plan.notes;
    append(outcome.notes, preparation.notes);
    pin_backup(*chosen->archive, planned, clock);
    catalog::Receipt& receipt = outcome.receipt;
    receipt.plan = planned.plan;
    receipt.predicted = planned.predicted;
    receipt.actual.plan = seconds_since(began);

    const auto copying = clock.steady();
    const PreparedTarget prepared = prepare(preparation);
    append(outcome.notes, prepared.notes);
    receipt.actual.files = seconds_since(copying);
    describe(receipt, prepared);
    if (options.start) {
      start(preparation, prepared, outcome);
    } else {
      outcome.notes.push_back(how_to_start(preparation));
    }
    receipt.actual.total = receipt.actual.total > 0 ? receipt.actual.total : seconds_since(began);
    receipt.finished = clock.now();
    keep(outcome, preparation.ownership);
    return outcome;
  }

  PreparedTarget prepare(const Preparation& preparation) {
    try {
      return prepare_target(options, *chosen, preparation, repository_names(), ops, progress, stop);
    } catch (Error& failure) {
      failure.add_context(
          fmt::format("restoring backup {} into {} (unfinished, cannot be started; the same command "
                      "begins anew)",
                      chosen->planned.plan.backup.id.to_string(), options.target_directory.string()));
      throw;
    }
  }

  std::string how_to_start(const Preparation& preparation) const {
    return fmt::format("start the server with `pg_ctl -D {} start`; it replays to {} and then {}",
                       options.target_directory.string(), chosen->planned.plan.target.requested,
                       preparation.server_action == TargetAction::pause
                           ? "pauses, readable; pg_promote() opens it"
                       : preparation.server_action == TargetAction::promote ? "promotes"
                                                                            : "shuts down");
  }

  void describe(catalog::Receipt& receipt, const PreparedTarget& prepared) const {
    receipt.target_directory = options.target_directory.string();
    receipt.host = host_name();
    receipt.file_bytes = prepared.copied.bytes;
    receipt.stored_bytes = prepared.copied.stored_bytes;
    receipt.files = prepared.copied.files;
    receipt.wal_bytes = receipt.plan.wal_bytes;
    const Instant moment =
        receipt.plan.target.kind == catalog::TargetKind::time ? receipt.plan.target.time : asked;
    const auto achieved = catalog::rpo_achieved(receipt.plan, moment);
    receipt.rpo_achieved_seconds = achieved.seconds;
    receipt.rpo_known = achieved.known;
  }

  void start(const Preparation& preparation, const PreparedTarget& prepared, RestoreOutcome& outcome) {
    const RecoveryRequest request{options, outcome.receipt.plan, preparation, prepared, archives};
    const RecoveryResult result = recover(request, ops, clock, progress, stop);
    catalog::Receipt& receipt = outcome.receipt;
    receipt.actual.wal = result.wal_seconds;
    receipt.actual.replay = result.replay_seconds;
    receipt.actual.start = result.start_seconds;
    receipt.actual.total = seconds_since(began);
    receipt.reached_lsn = result.reached;
    receipt.reached_timeline = result.timeline;
    receipt.differences = result.differences;
    receipt.exact = result.differences.empty();
    receipt.prepared_transactions = result.prepared_transactions;
    receipt.action = to_string(options.action.value_or(TargetAction::promote));
    outcome.started = true;
    outcome.running = result.running;
    if (result.running) outcome.connection_string = result.connection_string;
    append(outcome.notes, result.notes);
  }

  // Beside the data, so that whoever finds the directory knows what it is; and as a mark, for the next
  // prediction.
  void keep(RestoreOutcome& outcome, const Ownership& ownership) {
    if (!outcome.started) return;
    const std::string json = catalog::render_receipt_json(outcome.receipt);
    const std::filesystem::path file = options.target_directory / kReceiptFile;
    disk::write_file_durably(ops, file, as_bytes(json));
    give(ops, file, ownership);
    if (!options.store_receipt) return;
    try {
      repository::put_mark(*chosen->archive, clock.now(), catalog::kMarkReceipt, as_bytes(json));
    } catch (const Error& failure) {
      log_warning("restore", fmt::format("the receipt is not stored in repository {}: {}", outcome.repository,
                                         failure.what()));
    }
  }

  static void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
  }
};

RestoreJob::RestoreJob(std::vector<RestoreSource> sources, RestoreOptions options, disk::DurableOps& ops,
                       Clock& clock, Progress& progress, StopToken stop)
    : state_(std::make_unique<State>(std::move(sources), std::move(options), ops, clock, progress,
                                     std::move(stop))) {}

RestoreJob::~RestoreJob() = default;

const PlannedRestore& RestoreJob::plan() { return state_->plan(); }
RestoreOutcome RestoreJob::run() { return state_->run(); }

}  // namespace tidemark::restore
