#include "catalog/names.h"

#include <fmt/format.h>

#include "catalog/fields.h"
#include "catalog/records.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

constexpr RecordLayout kNames{"TMnm", "object of names", 1};
constexpr std::uint64_t kDatabases = 1;
constexpr std::uint64_t kRelations = 2;

// Relations of one schema stand together for the most part: 'same as before' saves half of the bytes.
void write_relation(ByteWriter& writer, const RelationName& relation, const RelationName& previous) {
  const bool same = relation.database == previous.database && relation.schema == previous.schema;
  writer.fixed(static_cast<Byte>(same ? 1 : 0));
  if (!same) {
    writer.varint(relation.database);
    writer.text(relation.schema);
  }
  writer.varint(relation.filenode);
  writer.varint(relation.oid);
  writer.text(relation.name);
  writer.fixed(static_cast<Byte>(relation.kind));
}

RelationName read_relation(ByteReader& reader, const RelationName& previous) {
  RelationName relation;
  const bool same = read_flag(reader);
  relation.database = same ? previous.database : read_number<std::uint32_t>(reader);
  relation.schema = same ? previous.schema : reader.text();
  relation.filenode = read_number<std::uint32_t>(reader);
  relation.oid = read_number<std::uint32_t>(reader);
  relation.name = reader.text();
  relation.kind = static_cast<char>(reader.fixed<Byte>());
  return relation;
}

std::vector<DatabaseName> read_databases(ByteReader& reader) {
  std::vector<DatabaseName> databases(reader.count(2));
  for (DatabaseName& database : databases) {
    database.oid = read_number<std::uint32_t>(reader);
    database.name = reader.text();
  }
  return databases;
}

std::vector<RelationName> read_relations(ByteReader& reader) {
  std::vector<RelationName> relations;
  const std::size_t count = reader.count(5);
  relations.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    relations.push_back(read_relation(reader, i == 0 ? RelationName() : relations.back()));
  }
  return relations;
}

}  // namespace

Bytes RememberedNames::serialize() const {
  Bytes bytes, body;
  RecordWriter records(bytes, kNames);
  ByteWriter writer(body);
  writer.varint(databases.size());
  for (const DatabaseName& database : databases) {
    writer.varint(database.oid);
    writer.text(database.name);
  }
  records.add(kDatabases, Presence::critical, body);
  body.clear();
  writer.varint(relations.size());
  RelationName none;
  const RelationName* previous = &none;
  for (const RelationName& relation : relations) {
    write_relation(writer, relation, *previous);
    previous = &relation;
  }
  records.add(kRelations, Presence::critical, body);
  records.end();
  return bytes;
}

RememberedNames RememberedNames::parse(ByteView bytes) {
  RecordReader records(bytes, kNames);
  RememberedNames names;
  while (const auto record = records.next()) {
    ByteReader body(record->body, kNames.what);
    switch (record->tag) {
      case kDatabases:
        names.databases = read_databases(body);
        break;
      case kRelations:
        names.relations = read_relations(body);
        break;
      default:
        records.pass_unknown(*record);
    }
  }
  return names;
}

}  // namespace tidemark::catalog
