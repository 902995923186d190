#pragma once
// An ordinary SQL session over libpq. Every wait is a poll() with a deadline that a StopToken ends early. One
// thread. Errors: unavailable (cannot connect, connection lost, starting up), config (bad connection string,
// authentication), refused (privilege), internal (our SQL is wrong); messages carry the server's own text and
// never the connection string.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/stop.h"
#include "tidemark/timeline.h"

struct pg_conn;

namespace tidemark::postgres {

struct ConnectionOptions {
  std::string
      connection_string;  // libpq's keyword/value or URI form; application_name is added when it names none
  std::string application_name = "tidemark";
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds statement_timeout{60'000};  // ours, enforced on the client side
};

// The role that a connection string names; nullopt when it leaves that to the environment. Error config as
// for connecting.
std::optional<std::string> user_of(const std::string& connection_string);

// A row set of text values; nullopt is SQL NULL.
struct Rows {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  // The single value of a one-row, one-column answer. Throws Error internal when it is not one.
  const std::string& value() const;
};

class Connection {
 public:
  Connection(const ConnectionOptions& options, const StopToken& stop);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  // Parameters are bound as text, never pasted. `timeout` overrides the statement timeout (pg_backup_stop,
  // checkpoints).
  Rows query(const std::string& sql, const std::vector<std::optional<std::string>>& parameters = {},
             std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  int server_version_number() const;  // 150018
  int major() const { return server_version_number() / 10000; }
  std::string host_for_messages() const;  // "/var/run/postgresql:5432": no user, no password

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What one look at the server tells; one query, clock first (the idle proof of the design needs that order).
struct ServerMoment {
  Instant clock;  // clock_timestamp(), read before the positions
  bool in_recovery = false;
  Lsn insert_lsn;  // pg_current_wal_insert_lsn(); on a standby the last replayed
  Lsn flush_lsn;   // pg_current_wal_flush_lsn(); on a standby the last received
};
ServerMoment read_server_moment(Connection& connection);

struct ServerFacts {
  int version_number = 0;
  SystemId system_id;
  TimelineId timeline;  // of the last checkpoint
  std::uint32_t catalog_version = 0;
  std::uint32_t segment_bytes = 0;
  std::uint32_t block_bytes = 0;
  std::string data_directory;
  bool data_checksums = false;
  bool in_recovery = false;
  std::string wal_level, synchronous_standby_names, synchronous_commit, archive_mode;
  std::string max_slot_wal_keep_size;
  bool track_commit_timestamp = false;
  std::string cluster_name;
};
ServerFacts read_server_facts(Connection& connection);

// State of a physical slot as pg_replication_slots has it.
struct SlotState {
  std::string name;
  bool active = false;
  Lsn restart_lsn;         // 0/0: nothing reserved
  std::string wal_status;  // reserved, extended, unreserved, lost
  std::optional<std::uint64_t> safe_wal_bytes;
  std::uint64_t retained_bytes = 0;  // current position - restart_lsn
};
std::optional<SlotState> read_slot(Connection& connection, const std::string& slot);
// The walsender that serves our slot, as pg_stat_replication shows it: sync_state "async", "potential",
// "sync", "quorum".
std::optional<std::string> read_sync_state(Connection& connection, const std::string& slot);
enum class SlotCreation { created, already_exists };
SlotCreation create_physical_slot(Connection& connection, const std::string& slot);  // reserves WAL at once
void drop_physical_slot(Connection& connection, const std::string& slot);
// What is missing for us: each line a problem and the statement or setting that mends it; empty = fine.
struct Shortcoming {
  std::string problem;
  std::string remedy;
  bool fatal = false;  // false: a warning
};
std::vector<Shortcoming> check_server(Connection& connection, const ServerFacts& facts,
                                      const std::string& slot);

}  // namespace tidemark::postgres
