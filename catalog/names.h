#pragma once
// What databases and relations were called when a backup was taken, so that a dropped table still has a name
// later.

#include <cstdint>
#include <string>
#include <vector>

#include "tidemark/bytes.h"

namespace tidemark::catalog {

struct DatabaseName {
  std::uint32_t oid = 0;
  std::string name;
  bool operator==(const DatabaseName&) const = default;
};
struct RelationName {
  std::uint32_t database = 0, filenode = 0, oid = 0;
  std::string schema, name;
  char kind = 'r';  // pg_class.relkind
  bool operator==(const RelationName&) const = default;
};
struct RememberedNames {
  std::vector<DatabaseName> databases;
  std::vector<RelationName> relations;  // by database, filenode
  bool operator==(const RememberedNames&) const = default;
  Bytes serialize() const;
  static RememberedNames parse(ByteView bytes);
};

}  // namespace tidemark::catalog
