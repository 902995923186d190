#include "restore/prepare_target.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/keys.h"
#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "pgdata/control_file.h"
#include "pgdata/copy_rules.h"
#include "postgres/server_control.h"
#include "restore/recovery_settings.h"
#include "restore/wal_fetch.h"
#include "tidemark/error.h"

namespace tidemark::restore {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kConfigurationLimit = 16 << 20;
constexpr std::uint64_t kWalKept = 2ULL
                                   << 30;  // replayed WAL stays in pg_wal until a restartpoint, as a rule
constexpr int kSyncThreads = 8;

std::string read_text(const fs::path& file) {
  const auto content = disk::read_whole_file_if_present(file, kConfigurationLimit);
  return content ? std::string(as_text(*content)) : std::string();
}

// Where pausing is not certain, PostgreSQL would promote in its place (notes 2.3): shutting down never goes
// wrong.
TargetAction choose_server_action(const RestoreOptions& options, const catalog::RestorePlan& plan,
                                  std::vector<std::string>& notes) {
  const TargetAction wanted =
      options.start ? TargetAction::pause : options.action.value_or(TargetAction::pause);
  if (wanted != TargetAction::pause || plan.pause_is_safe) return wanted;
  if (!options.start) {
    notes.emplace_back(
        "the server will shut down at the target instead of pausing: the WAL does not prove that it can be "
        "queried there, and PostgreSQL promotes where it cannot pause");
  }
  return TargetAction::shutdown;
}

class Configuration {
 public:
  Configuration(const RestoreOptions& options, const Preparation& preparation, disk::DurableOps& ops)
      : options_(options), preparation_(preparation), ops_(ops), target_(options.target_directory) {}

  // Settings of the original that would harm are taken out; files that it kept elsewhere are made.
  void write_files(std::vector<std::string>& notes) {
    const fs::path file = target_ / "postgresql.conf";
    if (!disk::status_following(file)) {
      put(file, minimal_configuration());
      notes.emplace_back(
          "the backup holds no postgresql.conf (it lay outside the data directory): a minimal one was "
          "written");
    } else {
      const auto neutral = neutralise_configuration(read_text(file));
      if (!neutral.names.empty()) {
        put(file, neutral.text);
        notes.push_back(fmt::format("commented out in postgresql.conf: {}", fmt::join(neutral.names, ", ")));
      }
    }
    if (!disk::status_following(target_ / "pg_hba.conf")) {
      put(target_ / "pg_hba.conf", minimal_hba());
      notes.emplace_back(
          "the backup holds no pg_hba.conf: one was written that admits local users by peer and loopback "
          "by password");
    }
    if (!disk::status_following(target_ / "pg_ident.conf")) put(target_ / "pg_ident.conf", "");
  }

  std::string all_text() const {
    return read_text(target_ / "postgresql.conf") + "\n" + read_text(target_ / "postgresql.auto.conf");
  }

  void write_auto_conf(const catalog::RestorePlan& plan, const RestoreState& state,
                       const std::optional<ServerPlace>& place) {
    RecoverySettings settings;
    settings.major = preparation_.major;
    settings.restore_command =
        render_restore_command({options_.program.string(), options_.program_arguments,
                                ReadyFolder::relative(standing_session(state)).string()});
    settings.stop = plan.stop;
    settings.timeline = plan.timeline;
    settings.action = preparation_.server_action;
    settings.listen_addresses = options_.listen_addresses;
    const auto control = pgdata::parse_control_file(preparation_.manifest.control_file);
    if (!control) throw Error(ErrorKind::corrupt, "the backup's pg_control has a wrong checksum");
    raise_minimums(settings, plan, *control);
    const auto add = [&](const std::vector<Setting>& more) {
      settings.more.insert(settings.more.end(), more.begin(), more.end());
    };
    if (place) {
      add(place_settings(*place));
      add(closed_door_settings(target_));
      write_closed_door(ops_, target_, place->roles, preparation_.ownership);
    }
    add(options_.settings);
    const fs::path file = target_ / "postgresql.auto.conf";
    put(file, rewrite_auto_conf(read_text(file), recovery_settings(settings)));
    put(target_ / "recovery.signal", "");
  }

  void write_labels() {
    put(target_ / "backup_label", preparation_.manifest.backup_label);
    const std::string map = rewrite_tablespace_map(preparation_.manifest.tablespace_map, preparation_.placed);
    if (!map.empty()) put(target_ / "tablespace_map", map);
  }

 private:
  void put(const fs::path& file, std::string_view text) {
    put_file(ops_, file, text, preparation_.ownership);
  }

  const RestoreOptions& options_;
  const Preparation& preparation_;
  disk::DurableOps& ops_;
  const fs::path target_;
};

RestoreState make_state(const RestoreOptions& options, const ChosenSource& chosen,
                        const std::vector<std::string>& repositories) {
  const catalog::RestorePlan& plan = chosen.planned.plan;
  RestoreState state;
  state.session = fmt::format("{:016x}", codec::random_number());
  state.configuration_file = options.configuration_file;
  state.cluster = options.cluster;
  state.repositories = repositories;
  state.incarnation = chosen.source.incarnation;
  state.segment_size = chosen.archive->segment_size();
  state.timeline = plan.timeline;
  state.path = plan.path;
  state.wal_from = plan.wal_from;
  state.wal_to = plan.wal_to;
  state.claim_owner =
      fmt::format("restore on {} in {}, {}", host_name(), options.target_directory.string(), state.session);
  state.claims = options.claim_timeline;
  state.requested = plan.target.requested;
  return state;
}

}  // namespace

void put_file(disk::DurableOps& ops, const fs::path& file, std::string_view text,
              const Ownership& ownership) {
  ops.unlink(file);  // also where a link led elsewhere
  const auto output = ops.create_file(file, disk::kPrivateFile);
  output->write_at(0, as_bytes(text));
  output->close();
  give(ops, file, ownership);
}

Preparation check_before(const RestoreOptions& options, const ChosenSource& chosen) {
  const catalog::RestorePlan& plan = chosen.planned.plan;
  const repository::BackupStore store(chosen.source.repository, chosen.source.incarnation);
  auto manifest = store.find_manifest(plan.backup.id);
  if (!manifest) {
    throw Error(ErrorKind::not_found,
                fmt::format("the manifest of backup {} has gone", plan.backup.id.to_string()))
        .hint("plan again: the backup may have been expired meanwhile");
  }
  Preparation preparation;
  preparation.major = chosen.source.incarnation.major;
  if (options.start)
    preparation.binaries = postgres::find_server_binaries(preparation.major, options.binaries);
  if (!options.target_directory.is_absolute()) {
    throw Error(ErrorKind::usage, fmt::format("the target directory must be an absolute path: {}",
                                              options.target_directory.string()));
  }
  shell_word(options.program.string());
  preparation.placed =
      place_tablespaces(manifest->tablespaces, options.tablespace_map, options.target_directory);
  refuse_unfit_target(options.target_directory, preparation.placed,
                      plan.file_bytes + std::min(plan.wal_bytes, kWalKept));
  if (options.start) refuse_taken_port({options.socket_directory, options.port, {}});
  preparation.ownership = choose_ownership(options.server_user, recorded_owner(store, *manifest));
  preparation.server_action = choose_server_action(options, plan, preparation.notes);
  preparation.manifest = std::move(*manifest);
  return preparation;
}

PreparedTarget prepare_target(const RestoreOptions& options, const ChosenSource& chosen,
                              const Preparation& preparation, const std::vector<std::string>& repositories,
                              disk::DurableOps& ops, Progress& progress, const StopToken& stop) {
  const fs::path& target = options.target_directory;
  PreparedTarget prepared;
  if (look_at_target(target) == TargetState::unfinished) {
    progress.note("removing what an interrupted restore left behind");
    prepared.notes.emplace_back("an unfinished restore in the directory was removed first");
    clean_unfinished(ops, target);
  }
  begin_target(ops, target, preparation.placed,
               pgdata::tablespace_version_folder(preparation.major, preparation.manifest.catalog_version),
               preparation.ownership);

  CopyRequest request;
  request.repository = chosen.source.repository;
  request.incarnation = chosen.source.incarnation;
  request.manifest = &preparation.manifest;
  request.target = target;
  request.placed = preparation.placed;
  request.jobs = options.jobs;
  progress.begin("copying files", preparation.manifest.header.bytes);
  prepared.copied = copy_files(request, preparation.ownership, ops, progress, stop);
  progress.end();

  prepared.state = make_state(options, chosen, repositories);
  Configuration configuration(options, preparation, ops);
  configuration.write_files(prepared.notes);
  std::optional<ServerPlace> place;
  if (options.start) {
    place = choose_place({options.socket_directory, options.port, options.database_users},
                         configuration.all_text(), preparation.ownership, ops);
    if (place->port_changed) {
      prepared.notes.push_back(
          fmt::format("the configured port is taken, the server listens on {}", place->port));
    }
    prepared.place = *place;
  }
  configuration.write_auto_conf(chosen.planned.plan, prepared.state, place);
  configuration.write_labels();
  write_state(ops, target, prepared.state, preparation.ownership);

  progress.begin("syncing files", 0);
  sync_files(target, preparation.placed, kSyncThreads, ops, stop);
  finish_target(ops, target, preparation.manifest.control_file, preparation.ownership);
  progress.end();
  return prepared;
}

}  // namespace tidemark::restore
