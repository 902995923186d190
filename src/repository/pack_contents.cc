#include "repository/pack_contents.h"

#include "catalog/fields.h"
#include "catalog/records.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

constexpr catalog::RecordLayout kLayout{"PACK", "pack's table of contents", 1};
constexpr std::uint64_t kIdentityRecord = 1, kFramesRecord = 2;
constexpr std::size_t kSmallestFrameEntry = 18;  // two lengths and a hash

}  // namespace

Bytes PackContents::serialize() const {
  Bytes bytes, body;
  catalog::RecordWriter records(bytes, kLayout);
  ByteWriter identity(body);
  catalog::write_backup_id(identity, backup);
  identity.varint(pack);
  records.add(kIdentityRecord, catalog::Presence::critical, body);
  body.clear();
  body.reserve(frames.size() * 24);
  ByteWriter table(body);
  table.varint(frames.size());
  for (const PackFrame& frame : frames) {
    table.varint(frame.stored_bytes);
    table.varint(frame.plain_bytes);
    catalog::write_hash(table, frame.hash);
  }
  records.add(kFramesRecord, catalog::Presence::critical, body);
  records.end();
  return bytes;
}

PackContents PackContents::parse(ByteView bytes) {
  PackContents contents;
  catalog::RecordReader records(bytes, kLayout);
  bool identity_seen = false, frames_seen = false;
  while (const auto record = records.next()) {
    ByteReader body(record->body, kLayout.what);
    if (record->tag == kIdentityRecord) {
      contents.backup = catalog::read_backup_id(body);
      contents.pack = catalog::read_number<std::uint32_t>(body);
      identity_seen = true;
    } else if (record->tag == kFramesRecord) {
      contents.frames.resize(body.count(kSmallestFrameEntry));
      for (PackFrame& frame : contents.frames) {
        frame.stored_bytes = catalog::read_number<std::uint32_t>(body);
        frame.plain_bytes = catalog::read_number<std::uint32_t>(body);
        frame.hash = catalog::read_hash(body);
      }
      frames_seen = true;
    } else {
      records.pass_unknown(*record);
    }
  }
  if (!identity_seen || !frames_seen)
    throw Error(ErrorKind::corrupt, "the pack's table of contents is incomplete");
  return contents;
}

}  // namespace tidemark::repository
