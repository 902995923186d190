#include <fmt/format.h>

#include <algorithm>

#include "postgres/connection.h"
#include "postgres/values.h"
#include "tidemark/error.h"

namespace tidemark::postgres {

std::optional<SlotState> read_slot(Connection& connection, const std::string& slot) {
  const auto rows = connection.query(
      "SELECT s.slot_type, s.active, s.restart_lsn, s.wal_status, s.safe_wal_size,"
      " pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()"
      "  THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, "
      "s.restart_lsn)::int8"
      " FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = $1",
      {slot});
  if (rows.rows.empty()) return std::nullopt;
  const RowReader row(rows, "replication slot " + slot);
  if (row.text_or_empty(0) != "physical") {
    throw Error(ErrorKind::refused,
                fmt::format("replication slot {} is a {} slot", slot, row.text_or_empty(0)))
        .code("slot_not_physical")
        .hint("name another slot in the configuration (`slot:`)");
  }
  SlotState state;
  state.name = slot;
  state.active = row.boolean(1);
  state.restart_lsn = row.lsn_or_zero(2);
  state.wal_status = row.text_or_empty(3);
  // Negative once the limit is passed: nothing is safe any more.
  if (row.at(4)) state.safe_wal_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, row.integer(4)));
  if (row.at(5)) state.retained_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, row.integer(5)));
  return state;
}

std::optional<std::string> read_sync_state(Connection& connection, const std::string& slot) {
  const auto rows = connection.query(
      "SELECT r.sync_state FROM pg_catalog.pg_replication_slots s"
      " JOIN pg_catalog.pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = $1",
      {slot});
  if (rows.rows.empty()) return std::nullopt;
  const auto& state = rows.rows.front().front();
  // Without pg_read_all_stats the columns of other users' walsenders are NULL.
  return state;
}

SlotCreation create_physical_slot(Connection& connection, const std::string& slot) {
  if (read_slot(connection, slot)) return SlotCreation::already_exists;
  try {
    connection.query("SELECT pg_catalog.pg_create_physical_replication_slot($1, true)", {slot});
  } catch (const Error& error) {
    // Created by somebody else between the two statements (SQLSTATE 42710, duplicate object).
    if (error.code() == "sqlstate_42710") return SlotCreation::already_exists;
    throw;
  }
  return SlotCreation::created;
}

void drop_physical_slot(Connection& connection, const std::string& slot) {
  connection.query("SELECT pg_catalog.pg_drop_replication_slot($1)", {slot});
}

}  // namespace tidemark::postgres
