#include "catalog/records.h"

#include <fmt/format.h>

#include "tidemark/error.h"

namespace tidemark::catalog {

RecordWriter::RecordWriter(Bytes& to, const RecordLayout& layout) : to_(to) {
  ByteWriter writer(to_);
  writer.bytes(as_bytes(layout.letters));
  writer.varint(layout.version);
}

void RecordWriter::add(std::uint64_t tag, Presence presence, ByteView body) {
  ByteWriter writer(to_);
  writer.varint(tag);
  writer.fixed(static_cast<Byte>(presence));
  writer.sized(body);
}

void RecordWriter::end() { add(kEndRecord, Presence::critical, {}); }

RecordReader::RecordReader(ByteView bytes, const RecordLayout& layout)
    : what_(layout.what), reader_(bytes, layout.what) {
  if (as_text(reader_.bytes(layout.letters.size())) != layout.letters) {
    throw Error(ErrorKind::corrupt,
                fmt::format("this is no {}: it does not begin with {}", what_, layout.letters));
  }
  const std::uint64_t version = reader_.varint();
  if (version > layout.version) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} of layout {}, written by a newer version; this one reads up to {}", what_,
                            version, layout.version))
        .code("newer_layout")
        .hint("use the version of tidemark that wrote it, or a later one");
  }
  if (version == 0) throw Error(ErrorKind::corrupt, fmt::format("{} of layout 0", what_));
}

std::optional<Record> RecordReader::next() {
  if (ended_) return std::nullopt;
  Record record;
  record.tag = reader_.varint();
  const auto flags = reader_.fixed<Byte>();
  record.critical = (flags & kCriticalFlag) != 0;
  record.body = reader_.sized();
  if ((flags & ~kCriticalFlag) != 0) {
    throw Error(ErrorKind::corrupt,
                fmt::format("record {} of the {} has unknown flags {:#x}", record.tag, what_, flags));
  }
  if (record.tag != kEndRecord) return record;
  if (!record.critical || !record.body.empty() || !reader_.at_end()) {
    throw Error(ErrorKind::corrupt, fmt::format("{} does not end at its end record", what_));
  }
  ended_ = true;
  return std::nullopt;
}

void RecordReader::pass_unknown(const Record& record) {
  if (!record.critical) return;
  throw Error(
      ErrorKind::corrupt,
      fmt::format("unknown critical record {} in a {}, written by a newer version", record.tag, what_))
      .code("newer_layout")
      .hint("use the version of tidemark that wrote it, or a later one");
}

}  // namespace tidemark::catalog
