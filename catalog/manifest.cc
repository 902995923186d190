#include "catalog/manifest.h"

#include <fmt/format.h>

#include <bitset>

#include "catalog/fields.h"
#include "catalog/records.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

constexpr RecordLayout kManifest{"TMmf", "manifest", 1};
constexpr RecordLayout kBegun{"TMbg", "begun object", 1};

// Tags of a manifest's records, in the order in which they are written; the header is always first.
enum Tag : std::uint64_t {
  kHeader = 1,
  kServer = 2,
  kLabel = 3,
  kTablespaceMap = 4,
  kControlFile = 5,
  kTablespaces = 6,
  kBadPages = 7,
  kOwners = 8,
  kPacks = 9,
  kParts = 10,
  kTagEnd = 11,
};

template <typename Fill>
void add_record(RecordWriter& records, std::uint64_t tag, Presence presence, Fill fill) {
  Bytes body;
  ByteWriter writer(body);
  fill(writer);
  records.add(tag, presence, body);
}

// A list: count, then the items.
template <typename Items, typename Write>
void add_list(RecordWriter& records, std::uint64_t tag, Presence presence, const Items& items, Write write) {
  add_record(records, tag, presence, [&](ByteWriter& writer) {
    writer.varint(items.size());
    for (const auto& item : items) write(writer, item);
  });
}

template <typename Item, typename Read>
std::vector<Item> read_list(ByteReader& reader, std::size_t minimum_bytes, Read read) {
  const std::size_t count = reader.count(minimum_bytes);
  std::vector<Item> items;
  items.reserve(count);
  for (std::size_t i = 0; i < count; ++i) items.push_back(read(reader));
  return items;
}

void write_server(ByteWriter& writer, const Manifest& manifest) {
  writer.fixed(manifest.system_id.value());
  writer.varint(manifest.control_version);
  writer.varint(manifest.catalog_version);
  writer.varint(manifest.block_bytes);
  writer.varint(manifest.segment_bytes);
  writer.varint(manifest.relation_segment_blocks);
  writer.fixed(static_cast<Byte>(manifest.data_checksums ? 1 : 0));
}

void read_server(ByteReader& reader, Manifest& manifest) {
  manifest.system_id = SystemId(reader.fixed<std::uint64_t>());
  manifest.control_version = read_number<std::uint32_t>(reader);
  manifest.catalog_version = read_number<std::uint32_t>(reader);
  manifest.block_bytes = read_number<std::uint32_t>(reader);
  manifest.segment_bytes = read_number<std::uint32_t>(reader);
  manifest.relation_segment_blocks = read_number<std::uint32_t>(reader);
  manifest.data_checksums = read_flag(reader);
}

void write_tablespace(ByteWriter& writer, const Tablespace& tablespace) {
  writer.varint(tablespace.oid);
  writer.text(tablespace.location);
  writer.fixed(static_cast<Byte>(tablespace.in_place ? 1 : 0));
}

Tablespace read_tablespace(ByteReader& reader) {
  Tablespace tablespace;
  tablespace.oid = read_number<std::uint32_t>(reader);
  tablespace.location = reader.text();
  tablespace.in_place = read_flag(reader);
  return tablespace;
}

void write_bad_page(ByteWriter& writer, const BadPage& page) {
  writer.text(page.path);
  writer.varint(page.block);
  writer.fixed(page.found);
  writer.fixed(page.expected);
  write_lsn(writer, page.page_lsn);
}

BadPage read_bad_page(ByteReader& reader) {
  BadPage page;
  page.path = reader.text();
  page.block = read_number<std::uint32_t>(reader);
  page.found = reader.fixed<std::uint16_t>();
  page.expected = reader.fixed<std::uint16_t>();
  page.page_lsn = read_lsn(reader);
  return page;
}

void write_pack(ByteWriter& writer, const PackInfo& pack) {
  writer.varint(pack.owner);
  writer.varint(pack.number);
  writer.varint(pack.stored_bytes);
  writer.varint(pack.live_bytes);
}

PackInfo read_pack(ByteReader& reader) {
  PackInfo pack;
  pack.owner = read_number<std::uint32_t>(reader);
  pack.number = read_number<std::uint32_t>(reader);
  pack.stored_bytes = reader.varint();
  pack.live_bytes = reader.varint();
  return pack;
}

void write_part(ByteWriter& writer, const PartInfo& part) {
  writer.varint(part.owner);
  writer.varint(part.number);
  writer.text(part.first_path);
  write_hash(writer, part.hash);
}

PartInfo read_part(ByteReader& reader) {
  PartInfo part;
  part.owner = read_number<std::uint32_t>(reader);
  part.number = read_number<std::uint32_t>(reader);
  part.first_path = reader.text();
  part.hash = read_hash(reader);
  return part;
}

// True when the record is one of a manifest's.
bool read_record(std::uint64_t tag, ByteReader& body, Manifest& manifest) {
  switch (tag) {
    case kHeader:
      manifest.header = read_backup_header(body);
      return true;
    case kServer:
      read_server(body, manifest);
      return true;
    case kLabel:
      manifest.backup_label = body.text();
      return true;
    case kTablespaceMap:
      manifest.tablespace_map = body.text();
      return true;
    case kControlFile: {
      const ByteView file = body.sized();
      manifest.control_file.assign(file.begin(), file.end());
      return true;
    }
    case kTablespaces:
      manifest.tablespaces = read_list<Tablespace>(body, 3, read_tablespace);
      return true;
    case kBadPages:
      manifest.bad_pages = read_list<BadPage>(body, 7, read_bad_page);
      return true;
    case kOwners:
      manifest.owners = read_list<BackupId>(body, 2, read_backup_id);
      return true;
    case kPacks:
      manifest.packs = read_list<PackInfo>(body, 4, read_pack);
      return true;
    case kParts:
      manifest.parts = read_list<PartInfo>(body, 19, read_part);
      return true;
    default:
      return false;
  }
}

[[noreturn]] void throw_contradiction(const Manifest& manifest, std::string_view what) {
  throw Error(ErrorKind::corrupt, fmt::format("the manifest of backup {} contradicts itself: {}",
                                              manifest.header.id.to_string(), what));
}

void check_manifest(const Manifest& manifest) {
  if (manifest.owners.empty() || manifest.owners[0] != manifest.header.id) {
    throw_contradiction(manifest, "its first owner is not the backup itself");
  }
  for (const PackInfo& pack : manifest.packs) {
    if (pack.owner >= manifest.owners.size()) throw_contradiction(manifest, "a pack has no owner");
  }
  for (std::size_t i = 0; i < manifest.parts.size(); ++i) {
    if (manifest.parts[i].owner >= manifest.owners.size())
      throw_contradiction(manifest, "a part has no owner");
    if (i > 0 && manifest.parts[i].first_path < manifest.parts[i - 1].first_path) {
      throw_contradiction(manifest, "its parts are not in path order");
    }
  }
}

}  // namespace

Bytes Manifest::serialize() const {
  Bytes bytes;
  RecordWriter records(bytes, kManifest);
  const auto critical = Presence::critical;
  add_record(records, kHeader, critical, [&](ByteWriter& to) { write_backup_header(to, header); });
  add_record(records, kServer, critical, [&](ByteWriter& to) { write_server(to, *this); });
  add_record(records, kLabel, critical, [&](ByteWriter& to) { to.text(backup_label); });
  add_record(records, kTablespaceMap, critical, [&](ByteWriter& to) { to.text(tablespace_map); });
  add_record(records, kControlFile, critical, [&](ByteWriter& to) { to.sized(control_file); });
  add_list(records, kTablespaces, critical, tablespaces, write_tablespace);
  add_list(records, kBadPages, Presence::optional, bad_pages, write_bad_page);
  add_list(records, kOwners, critical, owners, write_backup_id);
  add_list(records, kPacks, critical, packs, write_pack);
  add_list(records, kParts, critical, parts, write_part);
  records.end();
  return bytes;
}

Manifest Manifest::parse(ByteView bytes) {
  RecordReader records(bytes, kManifest);
  Manifest manifest;
  std::bitset<kTagEnd> seen;
  while (const auto record = records.next()) {
    ByteReader body(record->body, kManifest.what);
    if (record->tag < kTagEnd && seen.test(record->tag)) {
      throw Error(ErrorKind::corrupt, fmt::format("record {} occurs twice in a manifest", record->tag));
    }
    if (!read_record(record->tag, body, manifest)) {
      records.pass_unknown(*record);
      continue;
    }
    seen.set(record->tag);
  }
  for (std::size_t tag = kHeader; tag < kTagEnd; ++tag) {
    if (tag != kBadPages && !seen.test(tag)) {
      throw Error(ErrorKind::corrupt, fmt::format("record {} is missing in a manifest", tag));
    }
  }
  check_manifest(manifest);
  return manifest;
}

BackupHeader Manifest::parse_header(ByteView bytes) {
  RecordReader records(bytes, kManifest);
  const auto record = records.next();
  if (!record || record->tag != kHeader) {
    throw Error(ErrorKind::corrupt, "a manifest does not begin with its header");
  }
  ByteReader body(record->body, "manifest header");
  return read_backup_header(body);
}

Bytes Begun::serialize() const {
  Bytes bytes;
  RecordWriter records(bytes, kBegun);
  add_record(records, 1, Presence::critical, [&](ByteWriter& to) { write_begun(to, *this); });
  records.end();
  return bytes;
}

Begun Begun::parse(ByteView bytes) {
  RecordReader records(bytes, kBegun);
  std::optional<Begun> begun;
  while (const auto record = records.next()) {
    if (record->tag != 1 || begun) {
      records.pass_unknown(*record);
      continue;
    }
    ByteReader body(record->body, kBegun.what);
    begun = read_begun(body);
  }
  if (!begun) throw Error(ErrorKind::corrupt, "a begun object says nothing");
  return *begun;
}

}  // namespace tidemark::catalog
