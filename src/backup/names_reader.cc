#include "backup/names_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::backup {

namespace {

constexpr int kPageRows = 20'000;

std::uint32_t number(const std::optional<std::string>& text) {
  return static_cast<std::uint32_t>(std::strtoul(text.value_or("0").c_str(), nullptr, 10));
}

// pg_relation_filenode: mapped catalogs have no filenode in pg_class. Shared relations are the same in each
// database and are taken once. By oid, a page at a time, so that a million relations do not come in one
// answer.
void read_relations(postgres::Connection& connection, std::uint32_t database, bool take_shared,
                    std::vector<catalog::RelationName>& relations) {
  std::string after = "0";
  for (;;) {
    const postgres::Rows page = connection.query(
        "SELECT c.oid, pg_relation_filenode(c.oid), c.relisshared, n.nspname, c.relname, c.relkind FROM "
        "pg_class c JOIN "
        "pg_namespace n ON n.oid = c.relnamespace WHERE c.oid > $1::oid ORDER BY c.oid LIMIT $2::int",
        {after, std::to_string(kPageRows)});
    for (const auto& row : page.rows) {
      after = row[0].value_or("0");
      const bool shared = row[2] == "t";
      if (!row[1] || (shared && !take_shared)) continue;
      catalog::RelationName relation;
      relation.database = shared ? 0 : database;
      relation.filenode = number(row[1]);
      relation.oid = number(row[0]);
      relation.schema = row[3].value_or("");
      relation.name = row[4].value_or("");
      relation.kind = row[5] && !row[5]->empty() ? row[5]->front() : 'r';
      relations.push_back(std::move(relation));
    }
    if (page.rows.size() < kPageRows) return;
  }
}

std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

std::string percent_encoded(const std::string& value) {
  std::string text;
  for (const char c : value) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    text += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

}  // namespace

// In both forms libpq lets the last mention of a keyword count.
std::string with_database(const std::string& connection_string, const std::string& database) {
  if (connection_string.starts_with("postgresql://") || connection_string.starts_with("postgres://")) {
    const char joint = connection_string.find('?') == std::string::npos ? '?' : '&';
    return fmt::format("{}{}dbname={}", connection_string, joint, percent_encoded(database));
  }
  return fmt::format("{} dbname={}", connection_string, quoted(database));
}

catalog::RememberedNames read_names(BackupSession& session, const postgres::ConnectionOptions& options,
                                    const StopToken& stop, std::vector<std::string>& warnings) {
  catalog::RememberedNames names;
  bool shared_taken = false;
  const postgres::Rows databases =
      session.query("SELECT oid, datname, datallowconn FROM pg_database ORDER BY oid");
  for (const auto& row : databases.rows) {
    const std::string name = row[1].value_or("");
    names.databases.push_back({number(row[0]), name});
    if (row[2] != "t") continue;
    try {
      postgres::ConnectionOptions there = options;
      there.connection_string = with_database(options.connection_string, name);
      postgres::Connection connection(there, stop);
      read_relations(connection, number(row[0]), !shared_taken, names.relations);
      shared_taken = true;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      warnings.push_back(
          fmt::format("names of relations in database {} are not remembered: {}", name, error.what()));
      log_warning("backup", warnings.back());
    }
  }
  std::sort(names.relations.begin(), names.relations.end(),
            [](const catalog::RelationName& one, const catalog::RelationName& other) {
              return std::tie(one.database, one.filenode) < std::tie(other.database, other.filenode);
            });
  return names;
}

}  // namespace tidemark::backup
