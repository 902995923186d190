#pragma once
// The session that holds a backup open on the server, from pg_backup_start to pg_backup_stop. Losing the
// session ends the backup on the server, which is also how a failed job gives it up. Any thread; one
// statement at a time.

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>

#include "pgdata/control_file.h"
#include "postgres/connection.h"
#include "tidemark/stop.h"

namespace tidemark::backup {

struct StartedBackup {
  Lsn start;  // redo of the backup's checkpoint
  TimelineId timeline;
  Instant started;
  Lsn insert_lsn;
};

struct StoppedBackup {
  Lsn stop;
  std::string backup_label, tablespace_map;  // byte for byte
  Instant finished;
};

class BackupSession {
 public:
  BackupSession(const postgres::ConnectionOptions& options, const StopToken& stop);

  const postgres::ServerFacts& facts() const { return facts_; }
  std::string host_for_messages() const { return connection_.host_for_messages(); }

  // Refuses (code "foreign_data_directory") unless the postmaster of `data_directory` is the server we talk
  // to.
  void check_owns(const std::filesystem::path& data_directory);
  // Refuses (code "wal_not_archived") when no walsender, slot or archive_command of ours is at work.
  void check_archiving(const std::string& slot, const std::string& application_name);

  StartedBackup begin(const std::string& label, bool fast_checkpoint, std::chrono::milliseconds limit);
  Lsn read_insert_lsn();
  StoppedBackup end(std::chrono::milliseconds limit);

  postgres::Rows query(const std::string& sql);

 private:
  std::mutex mutex_;  // guards connection_
  postgres::Connection connection_;
  postgres::ServerFacts facts_;
};

// Start of the BACKUP_END record that ends at `stop`; its size never changed in 13 to 18.
Lsn backup_end_start(Lsn stop, std::uint32_t wal_block_bytes, std::uint32_t segment_bytes);

}  // namespace tidemark::backup
