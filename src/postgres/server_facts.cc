#include "postgres/connection.h"
#include "postgres/values.h"
#include "tidemark/error.h"

namespace tidemark::postgres {

ServerMoment read_server_moment(Connection& connection) {
  // The select list is evaluated from left to right: the clock is read before the positions, which the idle
  // proof needs.
  const auto rows = connection.query(
      "SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::int8, "
      "pg_catalog.pg_is_in_recovery(),"
      " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
      "      ELSE pg_catalog.pg_current_wal_insert_lsn() END,"
      " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()"
      "      ELSE pg_catalog.pg_current_wal_flush_lsn() END");
  const RowReader row(rows, "the server's clock and positions");
  ServerMoment moment;
  moment.clock = Instant::from_unix(row.integer(0));
  moment.in_recovery = row.boolean(1);
  // A standby that has received or replayed nothing yet has no positions.
  moment.insert_lsn = row.lsn_or_zero(2);
  moment.flush_lsn = row.lsn_or_zero(3);
  return moment;
}

ServerFacts read_server_facts(Connection& connection) {
  const auto rows = connection.query(
      "SELECT pg_catalog.current_setting('server_version_num'), s.system_identifier, c.timeline_id,"
      " (SELECT i.bytes_per_wal_segment FROM pg_catalog.pg_control_init() i),"
      " pg_catalog.current_setting('block_size'), CASE WHEN pg_catalog.pg_has_role('pg_read_all_settings', "
      "'USAGE')"
      " THEN pg_catalog.current_setting('data_directory') END,"
      " pg_catalog.current_setting('data_checksums') = 'on', pg_catalog.pg_is_in_recovery(),"
      " pg_catalog.current_setting('wal_level'), pg_catalog.current_setting('synchronous_standby_names'),"
      " pg_catalog.current_setting('synchronous_commit'), pg_catalog.current_setting('archive_mode'),"
      " pg_catalog.current_setting('max_slot_wal_keep_size'),"
      " pg_catalog.current_setting('track_commit_timestamp') = 'on', "
      "pg_catalog.current_setting('cluster_name'), s.catalog_version_no"
      " FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c");
  const RowReader row(rows, "the server's settings");
  ServerFacts facts;
  facts.version_number = static_cast<int>(row.integer(0));
  facts.system_id = SystemId(static_cast<std::uint64_t>(row.integer(1)));
  facts.timeline = TimelineId(static_cast<std::uint32_t>(row.integer(2)));
  facts.segment_bytes = static_cast<std::uint32_t>(row.integer(3));
  facts.block_bytes = static_cast<std::uint32_t>(row.integer(4));
  facts.data_directory = row.text_or_empty(5);
  facts.data_checksums = row.boolean(6);
  facts.in_recovery = row.boolean(7);
  facts.wal_level = row.text_or_empty(8);
  facts.synchronous_standby_names = row.text_or_empty(9);
  facts.synchronous_commit = row.text_or_empty(10);
  facts.archive_mode = row.text_or_empty(11);
  facts.max_slot_wal_keep_size = row.text_or_empty(12);
  facts.track_commit_timestamp = row.boolean(13);
  facts.cluster_name = row.text_or_empty(14);
  facts.catalog_version = static_cast<std::uint32_t>(row.integer(15));
  return facts;
}

}  // namespace tidemark::postgres
