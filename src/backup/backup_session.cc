#include "backup/backup_session.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <vector>

#include "backup/control_reader.h"
#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "tidemark/error.h"

namespace tidemark::backup {

namespace {

constexpr const char* kOwnHint =
    "give the data directory of the server that `connection` leads to, on this host";

Error foreign(const std::filesystem::path& data_directory, const std::string& why) {
  return Error(ErrorKind::refused,
               fmt::format("{} is not the data directory of the server: {}", data_directory.string(), why))
      .code("foreign_data_directory")
      .hint(kOwnHint);
}

Lsn need_lsn(const std::optional<std::string>& text, std::string_view what) {
  const auto lsn = text ? Lsn::parse(*text) : std::nullopt;
  if (!lsn)
    throw Error(ErrorKind::internal, fmt::format("{} gave no position: '{}'", what, text.value_or("")));
  return *lsn;
}

// Line 3 of postmaster.pid: when the postmaster began, in seconds since 1970.
std::int64_t postmaster_start(const std::filesystem::path& data_directory) {
  const auto content = disk::read_whole_file_if_present(data_directory / "postmaster.pid", 64 * 1024);
  if (!content) throw foreign(data_directory, "it holds no postmaster.pid, so no server runs in it");
  std::string_view text = as_text(*content);
  for (int line = 1; line < 3; ++line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  std::int64_t seconds = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec != std::errc()) {
    throw foreign(data_directory, "its postmaster.pid cannot be understood");
  }
  return seconds;
}

}  // namespace

BackupSession::BackupSession(const postgres::ConnectionOptions& options, const StopToken& stop)
    : connection_(options, stop), facts_(postgres::read_server_facts(connection_)) {}

postgres::Rows BackupSession::query(const std::string& sql) {
  const std::lock_guard lock(mutex_);
  return connection_.query(sql);
}

// The path alone proves nothing: in a container the server sees another one, and a clone on another host has
// the same. The start time of the postmaster is in its own folder and in its own answer.
void BackupSession::check_owns(const std::filesystem::path& data_directory) {
  constexpr std::int64_t kStartToleranceSeconds = 60;  // the server notes the two moments one after the other
  if (!disk::path_exists(data_directory)) throw foreign(data_directory, "it does not exist on this host");
  const auto control = read_control_file(data_directory, system_clock(), {});
  if (control.parsed.system_id != facts_.system_id) {
    throw foreign(data_directory,
                  fmt::format("its system identifier is {}, the server's is {}",
                              control.parsed.system_id.to_string(), facts_.system_id.to_string()));
  }
  const std::int64_t here = postmaster_start(data_directory);
  const std::string answer = query("SELECT extract(epoch FROM pg_postmaster_start_time())::bigint").value();
  const std::int64_t there = std::strtoll(answer.c_str(), nullptr, 10);
  if (std::llabs(here - there) > kStartToleranceSeconds) {
    throw foreign(data_directory,
                  fmt::format("its postmaster began {} s apart from the server's", std::llabs(here - there)));
  }
}

void BackupSession::check_archiving(const std::string& slot, const std::string& application_name) {
  if (facts_.in_recovery) return;  // whoever archives may well stream from the primary
  const std::lock_guard lock(mutex_);
  if (!slot.empty()) {
    const auto state = postgres::read_slot(connection_, slot);
    if (state && state->active) return;
  }
  const postgres::Rows senders = connection_.query(
      "SELECT count(*) FROM pg_stat_replication WHERE application_name = $1 AND state IN ('streaming', "
      "'catchup')",
      {application_name});
  if (senders.value() != "0") return;
  const postgres::Rows pushing = connection_.query(
      "SELECT count(*) FROM pg_settings WHERE name = 'archive_command' AND setting LIKE '%wal push%' "
      "AND current_setting('archive_mode') <> 'off'");
  if (pushing.value() != "0") return;
  throw Error(ErrorKind::refused,
              "nothing archives the WAL of this server, and a backup cannot be restored without it")
      .code("wal_not_archived")
      .hint("start `tidemark serve`, or set archive_command to `tidemark wal push %p`, then try again");
}

StartedBackup BackupSession::begin(const std::string& label, bool fast_checkpoint,
                                   std::chrono::milliseconds limit) {
  const std::lock_guard lock(mutex_);
  StartedBackup started;
  started.started = postgres::read_server_moment(connection_).clock;
  // 13 and 14 default to an exclusive backup, which leaves backup_label in the live data directory.
  const std::string sql = connection_.major() >= 15
                              ? "SELECT pg_backup_start($1, $2::bool)"
                              : "SELECT pg_start_backup($1, $2::bool, exclusive => false)";
  const postgres::Rows rows = connection_.query(sql, {label, fast_checkpoint ? "true" : "false"}, limit);
  started.start = need_lsn(rows.value(), "pg_backup_start");
  const std::string timeline = connection_.query("SELECT timeline_id FROM pg_control_checkpoint()").value();
  started.timeline = TimelineId(static_cast<std::uint32_t>(std::strtoul(timeline.c_str(), nullptr, 10)));
  started.insert_lsn = postgres::read_server_moment(connection_).insert_lsn;
  return started;
}

Lsn BackupSession::read_insert_lsn() {
  const std::lock_guard lock(mutex_);
  return postgres::read_server_moment(connection_).insert_lsn;
}

StoppedBackup BackupSession::end(std::chrono::milliseconds limit) {
  const std::lock_guard lock(mutex_);
  const std::string function = connection_.major() >= 15
                                   ? "pg_backup_stop(wait_for_archive => false)"
                                   : "pg_stop_backup(exclusive => false, wait_for_archive => false)";
  const postgres::Rows rows =
      connection_.query("SELECT lsn, labelfile, spcmapfile FROM " + function, {}, limit);
  if (rows.rows.size() != 1 || rows.rows[0].size() != 3) {
    throw Error(ErrorKind::internal, "pg_backup_stop gave no single row of three values");
  }
  StoppedBackup stopped;
  stopped.stop = need_lsn(rows.rows[0][0], "pg_backup_stop");
  stopped.backup_label = rows.rows[0][1].value_or("");
  stopped.tablespace_map = rows.rows[0][2].value_or("");
  stopped.finished = postgres::read_server_moment(connection_).clock;
  return stopped;
}

Lsn backup_end_start(Lsn stop, std::uint32_t wal_block_bytes, std::uint32_t segment_bytes) {
  constexpr std::uint64_t kRecordBytes = 40;  // header 24, main data 2 + 8, aligned to 8
  constexpr std::uint64_t kPageHeader = 24, kSegmentHeader = 40;
  const std::uint64_t last_page = (stop.value() - 1) / wal_block_bytes * wal_block_bytes;
  const std::uint64_t header = last_page % segment_bytes == 0 ? kSegmentHeader : kPageHeader;
  const std::uint64_t on_last_page = stop.value() - last_page - header;
  if (on_last_page >= kRecordBytes) return stop - kRecordBytes;
  return Lsn(last_page - (kRecordBytes - on_last_page));  // it began at the end of the page before
}

}  // namespace tidemark::backup
