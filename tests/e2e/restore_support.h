#pragma once
// For tests of restores: a primary with a ledger of known truth, a backup taken in the middle of it, all of
// its WAL in a repository with real indexes, and a program that stands for `tidemark` in restore_command.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <string>

#include "backup_support.h"
#include "harness/load.h"
#include "harness/transaction_ends.h"
#include "repository/catalog_reader.h"
#include "restore/restore_job.h"
#include "wal/index_builder.h"
#include "wal/stream_decoder.h"

namespace tidemark::test {

// Everything flushed so far, from the first segment of pg_wal on: whole segments, and a piece of the last
// one.
inline void archive_all(const PostgresCluster& cluster, repository::WalArchive& archive,
                        TimelineId timeline = TimelineId(1)) {
  const auto size = archive.segment_size();
  const Lsn flushed = *Lsn::parse(cluster.sql("SELECT pg_current_wal_flush_lsn()"));
  const path folder = cluster.data_directory() / "pg_wal";
  wal::SegmentNo segment;
  for (const auto& entry : disk::list_folder(folder)) {
    const auto file = wal::parse_segment_file_name(entry.name, size);
    if (file && file->timeline == timeline) {
      segment = file->segment;
      break;
    }
  }
  wal::StreamDecoder decoder({size, timeline, std::nullopt, std::nullopt}, segment.start(size));
  wal::IndexBuilder builder(timeline, segment.start(size));
  for (; segment.start(size) < flushed; segment = segment.next()) {
    Bytes bytes = disk::read_whole_file(folder / wal::segment_file_name(timeline, segment, size));
    const Lsn end = std::min(segment.end(size), flushed);
    bytes.resize(end - segment.start(size));
    decoder.feed(bytes);
    wal::RecordView record;
    wal::StreamDecoder::Next next;
    while ((next = decoder.next(record)) == wal::StreamDecoder::Next::record)
      builder.add(record, *decoder.version());
    ASSERT_EQ(next, wal::StreamDecoder::Next::need_more) << decoder.why();
    const auto index = builder.cut(end, decoder.in_record() ? decoder.position() : Lsn());
    if (end == segment.end(size)) {
      ASSERT_NE(archive.store_segment(timeline, segment, bytes, index), repository::StoreOutcome::conflict);
    } else {
      ASSERT_NE(archive.store_piece(timeline, segment.start(size), bytes, index),
                repository::StoreOutcome::conflict);
    }
  }
}

// A script that runs this very test program as `tidemark ... wal fetch NAME PATH`; see
// RestoreProgramForTests.
inline path make_fetch_program(const path& folder, const path& repository) {
  const path script = folder / "tidemark it's 100% fine";  // a name that quoting has to survive
  write_text_file(
      script,
      "#!/bin/sh\n"
      "while [ \"$1\" != fetch ]; do shift; done\n"
      "TIDEMARK_FETCH_NAME=\"$2\" TIDEMARK_FETCH_PATH=\"$3\" TIDEMARK_FETCH_REPOSITORY='" +
          repository.string() + "' exec '" + std::filesystem::read_symlink("/proc/self/exe").string() +
          "' --gtest_also_run_disabled_tests --gtest_filter=RestoreProgramForTests.DISABLED_WalFetch\n");
  std::filesystem::permissions(script, std::filesystem::perms(0755));
  return script;
}

inline catalog::Target parse_target(const std::string& text) {
  const auto target = catalog::parse_positional_target(text);
  if (!target) throw Error(ErrorKind::usage, "no target: " + text);
  return *target;
}
inline catalog::Target time_target(Instant time) {
  catalog::Target target;
  target.kind = catalog::TargetKind::time;
  target.requested = time.to_iso();
  target.time = time;
  return target;
}

inline restore::RestoreOptions restore_options(const path& target_directory, const catalog::Target& target,
                                               const path& program) {
  restore::RestoreOptions options;
  options.target_directory = target_directory;
  options.request.target = target;
  options.start = true;
  options.program = program;
  options.program_arguments = {"--config", "/etc/tide mark/it's.yaml"};
  options.configuration_file = "/etc/tide mark/it's.yaml";
  options.cluster = "main";
  const path sockets = target_directory.parent_path() / "sockets";
  std::filesystem::create_directory(sockets);
  give_to_server_user(sockets);
  options.socket_directory = sockets;
  options.settings = {{"shared_buffers", "16MB"}};
  return options;
}

inline restore::RestoreOutcome run_restore(const PostgresCluster& cluster,
                                           const std::shared_ptr<repository::Repository>& repository,
                                           restore::RestoreOptions options,
                                           disk::DurableOps& ops = disk::real_ops()) {
  options.binaries = server_binaries(cluster.major());
  restore::RestoreJob job({{repository, archive_of(cluster, repository).incarnation()}}, options, ops,
                          system_clock(), no_progress(), StopToken());
  return job.run();
}

inline void put_identity_of(const PostgresCluster& cluster,
                            const std::shared_ptr<repository::Repository>& repository) {
  const pgdata::ControlFile control = control_of(cluster.data_directory());
  repository::put_identity(
      *repository, {archive_of(cluster, repository).incarnation(), control.segment_bytes, control.block_bytes,
                    control.catalog_version, 150000, system_clock().now()});
}

// One for all tests of a suite: making it takes seconds.
struct RestoreGround {
  ScratchFolder scratch;
  ClusterOptions cluster_options() {
    ClusterOptions options;
    options.segment_megabytes = 1;
    options.settings = {"wal_keep_size = 2GB", "max_prepared_transactions = 20", "max_wal_size = 1GB"};
    return options;
  }
  PostgresCluster primary{cluster_options()};
  std::shared_ptr<repository::Repository> repository = make_repository(scratch.path() / "repository");
  path program = make_fetch_program(scratch.path(), scratch.path() / "repository");
  std::unique_ptr<Ledger> ledger;
  BackupId backup;
  std::vector<TransactionEnd> ends;
  std::vector<CommittedTransaction> truth;
  Lsn backup_stop;

  RestoreGround() {
    LedgerOptions options;
    options.two_phase = true;
    options.transactions = 60;
    ledger = std::make_unique<Ledger>(primary.connection_string(), options);
    ledger->run();
    put_identity_of(primary, repository);
    auto options_of_backup = backup_options(primary, {repository});
    options_of_backup.ensure_wal_archived = [this](const backup::WalNeed&) {
      auto archive = archive_of(primary, repository);
      archive_all(primary, archive);
    };
    const auto header = take_backup(options_of_backup, {repository}).header;
    backup = header.id;
    backup_stop = header.stop;
    ledger->run();
    primary.sql("SELECT pg_create_restore_point('middle')");
    ledger->run();
    primary.sql("CREATE TABLE pending (n int)");
    auto session = primary.connect();
    session.query("BEGIN");
    session.query("INSERT INTO pending VALUES (1)");
    session.query("PREPARE TRANSACTION 'pending one'");
    finish();
  }
  // After more was written.
  void finish() {
    primary.sql("CHECKPOINT");
    primary.sql("SELECT pg_logical_emit_message(true, 'test', 'flush')");
    auto archive = archive_of(primary, repository);
    archive_all(primary, archive);
    ends = read_transaction_ends(primary.data_directory() / "pg_wal");
    truth = ledger->truth(ends);
  }
};

}  // namespace tidemark::test
