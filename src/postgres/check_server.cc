#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "postgres/connection.h"
#include "postgres/values.h"

namespace tidemark::postgres {

namespace {

using Found = std::vector<Shortcoming>;

std::string quoted(const std::string& name) {
  std::string result = "\"";
  for (const char c : name) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

bool truth(Connection& connection, const std::string& expression,
           const std::vector<std::optional<std::string>>& parameters = {}) {
  const auto rows = connection.query("SELECT " + expression, parameters);
  return RowReader(rows, "a privilege").boolean(0);
}

void check_role(Connection& connection, const std::string& user, Found& found) {
  const auto rows = connection.query(
      "SELECT r.rolsuper, r.rolreplication, pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE'),"
      " pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')"
      " FROM pg_catalog.pg_roles r WHERE r.rolname = current_user");
  const RowReader row(rows, "our role's attributes");
  if (row.boolean(0)) return;
  if (!row.boolean(1)) {
    found.push_back(
        {fmt::format("role {} lacks the attribute REPLICATION: it can neither stream WAL nor have a slot",
                     user),
         fmt::format("ALTER ROLE {} REPLICATION;", quoted(user)), true});
  }
  if (!row.boolean(2)) {
    found.push_back(
        {fmt::format(
             "role {} cannot read the setting data_directory, which backups on the database host need", user),
         fmt::format("GRANT pg_read_all_settings TO {};", quoted(user)), false});
  }
  if (!row.boolean(3)) {
    found.push_back(
        {fmt::format("role {} cannot see the state of its own walsender in pg_stat_replication, so a "
                     "synchronous standby would not be noticed",
                     user),
         fmt::format("GRANT pg_monitor TO {};", quoted(user)), false});
  }
}

void check_functions(Connection& connection, const std::string& user, Found& found) {
  struct Needed {
    const char* signature;
    const char* purpose;
    bool fatal;
    int from_major, to_major;
  };
  static constexpr Needed kNeeded[] = {
      {"pg_catalog.pg_start_backup(text,boolean,boolean)", "base backups", true, 13, 14},
      {"pg_catalog.pg_stop_backup(boolean,boolean)", "base backups", true, 13, 14},
      {"pg_catalog.pg_backup_start(text,boolean)", "base backups", true, 15, 99},
      {"pg_catalog.pg_backup_stop(boolean)", "base backups", true, 15, 99},
      {"pg_catalog.pg_switch_wal()", "closing a WAL segment on request", false, 13, 99},
      {"pg_catalog.pg_create_restore_point(text)", "naming a restore point", false, 13, 99},
  };
  for (const auto& needed : kNeeded) {
    if (connection.major() < needed.from_major || connection.major() > needed.to_major) continue;
    if (truth(connection, "pg_catalog.has_function_privilege($1, 'EXECUTE')", {needed.signature})) continue;
    found.push_back(
        {fmt::format("role {} may not call {}, needed for {}", user, needed.signature, needed.purpose),
         fmt::format("GRANT EXECUTE ON FUNCTION {} TO {};", needed.signature, quoted(user)), needed.fatal});
  }
}

std::int64_t setting(Connection& connection, const char* name) {
  return parse_integer(connection.query("SELECT pg_catalog.current_setting($1)", {name}).value(), name);
}

void check_walsenders(Connection& connection, Found& found) {
  const auto limit = setting(connection, "max_wal_senders");
  const auto used = parse_integer(connection
                                      .query("SELECT count(*) FROM pg_catalog.pg_stat_get_activity(NULL)"
                                             " WHERE backend_type = 'walsender'")
                                      .value(),
                                  "the number of walsenders");
  if (limit == 0) {
    found.push_back({"max_wal_senders is 0: nothing can be streamed",
                     "ALTER SYSTEM SET max_wal_senders = 10; then restart PostgreSQL", true});
  } else if (used >= limit) {
    found.push_back({fmt::format("all {} walsenders are in use", limit),
                     fmt::format("ALTER SYSTEM SET max_wal_senders = {}; then restart PostgreSQL", limit + 4),
                     false});
  }
}

void check_slots(Connection& connection, const std::string& slot, Found& found) {
  const auto state = read_slot(connection, slot);
  if (state) {
    if (state->wal_status == "lost") {
      found.push_back(
          {fmt::format("replication slot {} has lost WAL that it should have kept", slot),
           fmt::format("SELECT pg_drop_replication_slot('{}'); then `tidemark init` and a new backup", slot),
           true});
    }
    return;
  }
  const auto limit = setting(connection, "max_replication_slots");
  const auto used =
      parse_integer(connection.query("SELECT count(*) FROM pg_catalog.pg_replication_slots").value(),
                    "the number of replication slots");
  if (used >= limit) {
    found.push_back(
        {fmt::format("all {} replication slots are in use and slot {} does not exist", limit, slot),
         fmt::format("ALTER SYSTEM SET max_replication_slots = {}; then restart PostgreSQL", limit + 4),
         true});
  }
}

// Is one of the names in synchronous_standby_names ours ("*" is everybody's)? Names may be quoted; case does
// not count.
bool lists_standby(const std::string& setting_text, const std::string& ours) {
  std::string word;
  const auto is_ours = [&] {
    return word == "*" ||
           (word.size() == ours.size() &&
            std::equal(word.begin(), word.end(), ours.begin(),
                       [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); }));
  };
  for (const char c : setting_text + ",") {
    if (c == ',' || c == '(' || c == ')' || c == ' ') {
      if (is_ours()) return true;
      word.clear();
    } else if (c != '"') {
      word += c;
    }
  }
  return false;
}

void check_settings(Connection& connection, const ServerFacts& facts, Found& found) {
  if (facts.wal_level == "minimal") {
    found.push_back({"wal_level is minimal: the WAL cannot rebuild the data",
                     "ALTER SYSTEM SET wal_level = 'replica'; then restart PostgreSQL", true});
  }
  if (facts.max_slot_wal_keep_size == "-1") {
    found.push_back(
        {"max_slot_wal_keep_size is -1: while Tidemark is away the slot keeps WAL until the disk of the "
         "primary is full",
         "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; -- less than what is free on pg_wal's disk; then "
         "SELECT pg_reload_conf();",
         false});
  }
  if (connection.query("SHOW full_page_writes").value() == "off") {
    found.push_back(
        {"full_page_writes is off: a crash can tear pages, and backups from a standby are not possible",
         "ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf();", false});
  }
  if (connection.query("SHOW fsync").value() == "off") {
    found.push_back({"fsync is off: the primary itself can lose what it acknowledged",
                     "ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();", false});
  }
  const auto our_name = connection.query("SHOW application_name").value();
  if (facts.synchronous_commit == "remote_apply" &&
      lists_standby(facts.synchronous_standby_names, our_name)) {
    found.push_back(
        {fmt::format("synchronous_commit is remote_apply and '{}' is in synchronous_standby_names: Tidemark "
                     "applies nothing, so commits that wait for it alone wait for ever",
                     our_name),
         "ALTER SYSTEM SET synchronous_commit = 'on'; SELECT pg_reload_conf();", false});
  }
}

}  // namespace

std::vector<Shortcoming> check_server(Connection& connection, const ServerFacts& facts,
                                      const std::string& slot) {
  Found found;
  if (connection.major() < 13 || connection.major() > 18) {
    found.push_back(
        {fmt::format("PostgreSQL {} is not among the versions known here, 13 to 18", connection.major()),
         "use a release of Tidemark that knows this version", true});
    return found;
  }
  const auto user = connection.query("SELECT current_user").value();
  check_role(connection, user, found);
  check_functions(connection, user, found);
  check_walsenders(connection, found);
  check_slots(connection, slot, found);
  check_settings(connection, facts, found);
  return found;
}

}  // namespace tidemark::postgres
