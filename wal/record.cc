#include "wal/record.h"

#include <fmt/format.h>

#include "tidemark/checksum.h"
#include "tidemark/error.h"

namespace tidemark::wal {
namespace {

// Ids of fragment headers; smaller ones are block references.
constexpr std::uint8_t kMainDataShort = 255;
constexpr std::uint8_t kMainDataLong = 254;
constexpr std::uint8_t kOrigin = 253;
constexpr std::uint8_t kTopLevelXid = 252;  // 14+
constexpr std::uint8_t kMaximumBlockId = 32;

constexpr std::uint8_t kForkMask = 0x0F;
constexpr std::uint8_t kHasImage = 0x10;
constexpr std::uint8_t kHasData = 0x20;
constexpr std::uint8_t kSameRelation = 0x80;
constexpr std::uint8_t kImageHasHole = 0x01;  // in all versions

[[noreturn]] void refuse(const RecordView& record, std::string_view why) {
  throw Error(ErrorKind::corrupt, fmt::format("WAL record at {}: {}", record.start.to_string(), why));
}

struct BlockHeader {
  BlockReference reference;
  std::uint64_t payload_bytes = 0;
};

BlockHeader read_block_header(ByteReader& reader, std::uint8_t id, const BlockReference* previous,
                              const RecordView& record, const VersionTraits& version) {
  BlockHeader header;
  BlockReference& block = header.reference;
  block.id = id;
  const auto flags = reader.fixed<std::uint8_t>();
  block.fork = flags & kForkMask;
  const auto data_bytes = reader.fixed<std::uint16_t>();
  if (((flags & kHasData) != 0) != (data_bytes != 0))
    refuse(record, "the data flag of a block contradicts its length");
  header.payload_bytes = data_bytes;
  if ((flags & kHasImage) != 0) {
    block.has_image = true;
    const auto image_bytes = reader.fixed<std::uint16_t>();
    reader.skip(2);  // hole offset
    const auto image_info = reader.fixed<std::uint8_t>();
    block.image_applies = (image_info & version.image_apply_bit) != 0;
    if ((image_info & version.image_compressed_mask) != 0 && (image_info & kImageHasHole) != 0)
      reader.skip(2);
    header.payload_bytes += image_bytes;
  }
  if ((flags & kSameRelation) == 0) {
    block.tablespace = reader.fixed<std::uint32_t>();
    block.database = reader.fixed<std::uint32_t>();
    block.relation = reader.fixed<std::uint32_t>();
  } else if (previous != nullptr) {
    block.tablespace = previous->tablespace;
    block.database = previous->database;
    block.relation = previous->relation;
  } else {
    refuse(record, "a block refers to the relation of a block before it, and there is none");
  }
  block.block = reader.fixed<std::uint32_t>();
  return header;
}

// One walk for both callers: `on_block(reference)`, `on_origin(id)` and `on_top_level(xid)` see the parts,
// the result is the main data. access/transam/xlogreader.c DecodeXLogRecord.
template <typename OnBlock, typename OnOrigin, typename OnTopLevel>
ByteView walk_fragments(const RecordView& record, const VersionTraits& version, OnBlock on_block,
                        OnOrigin on_origin, OnTopLevel on_top_level) {
  ByteReader reader(record.bytes, "WAL record");
  reader.skip(kRecordHeaderBytes);
  BlockReference previous;
  bool any_block = false;
  std::uint64_t payload_bytes = 0;
  std::uint64_t main_bytes = 0;
  bool at_main = false;
  while (!at_main && reader.left() > payload_bytes) {
    const auto id = reader.fixed<std::uint8_t>();
    if (id == kMainDataShort || id == kMainDataLong) {
      main_bytes = id == kMainDataShort ? reader.fixed<std::uint8_t>() : reader.fixed<std::uint32_t>();
      payload_bytes += main_bytes;
      at_main = true;  // by convention the last header
    } else if (id == kOrigin) {
      on_origin(reader.fixed<std::uint16_t>());
    } else if (id == kTopLevelXid && version.major >= 14) {
      on_top_level(reader.fixed<std::uint32_t>());
    } else if (id <= kMaximumBlockId) {
      if (any_block && id <= previous.id) refuse(record, "its block references are out of order");
      const BlockHeader header =
          read_block_header(reader, id, any_block ? &previous : nullptr, record, version);
      previous = header.reference;
      any_block = true;
      payload_bytes += header.payload_bytes;
      on_block(header.reference);
    } else {
      refuse(record, fmt::format("unknown part {}", id));
    }
  }
  if (reader.left() != payload_bytes) {
    refuse(record, fmt::format("its parts announce {} bytes, {} are there", payload_bytes, reader.left()));
  }
  return record.bytes.last(main_bytes);
}

// xinfo of transaction ends: access/xact.h
constexpr std::uint32_t kDatabaseInfo = 0x01;
constexpr std::uint32_t kSubtransactions = 0x02;
constexpr std::uint32_t kDroppedRelations = 0x04;
constexpr std::uint32_t kInvalidations = 0x08;
constexpr std::uint32_t kTwoPhase = 0x10;
constexpr std::uint32_t kGid = 0x80;
constexpr std::uint32_t kDroppedStatistics = 0x100;  // 15+
constexpr std::uint8_t kHasXinfo = 0x80;

std::optional<EndKind> end_kind(const RecordView& record) {
  if (record.rmid != kTransactionRecords) return std::nullopt;
  switch (record.info & kTransactionOperationMask) {
    case 0x00:
      return EndKind::commit;
    case 0x20:
      return EndKind::abort;
    case 0x30:
      return EndKind::commit_prepared;
    case 0x40:
      return EndKind::abort_prepared;
    default:
      return std::nullopt;
  }
}

std::uint32_t skip_items(ByteReader& reader, std::size_t item_bytes) {
  const auto count = reader.fixed<std::uint32_t>();
  reader.skip(std::size_t{count} * item_bytes);
  return count;
}

std::string read_terminated(ByteReader& reader) {
  std::string text;
  for (Byte c = reader.fixed<Byte>(); c != 0; c = reader.fixed<Byte>()) text += static_cast<char>(c);
  return text;
}

// The parts behind the time, in the order in which the server writes them; ORIGIN comes last and is not
// needed.
void read_end_parts(ByteReader& reader, const VersionTraits& version, TransactionEndRecord& end) {
  const auto xinfo = reader.fixed<std::uint32_t>();
  if ((xinfo & kDatabaseInfo) != 0) reader.skip(8);
  if ((xinfo & kSubtransactions) != 0) end.subtransactions = skip_items(reader, 4);
  if ((xinfo & kDroppedRelations) != 0) skip_items(reader, 12);
  if ((xinfo & kDroppedStatistics) != 0) skip_items(reader, version.major >= 18 ? 16 : 12);
  if ((xinfo & kInvalidations) != 0) skip_items(reader, 16);
  if ((xinfo & kTwoPhase) != 0) end.xid = reader.fixed<std::uint32_t>();
  if ((xinfo & kGid) != 0) end.gid = read_terminated(reader);
}

}  // namespace

std::uint32_t record_crc(ByteView record) {
  return crc32c(record.first(20), crc32c(record.subspan(kRecordHeaderBytes)));
}

RecordParts parse_record_parts(const RecordView& record, const VersionTraits& version) {
  RecordParts parts;
  parts.main_data = walk_fragments(
      record, version, [&](const BlockReference& block) { parts.blocks.push_back(block); },
      [&](std::uint16_t origin) { parts.origin = origin; },
      [&](std::uint32_t xid) { parts.top_level_xid = xid; });
  return parts;
}

ByteView parse_main_data(const RecordView& record, const VersionTraits& version) {
  // Nearly every record asked for has nothing but short main data.
  const ByteView& bytes = record.bytes;
  if (bytes.size() >= 26 && bytes[24] == kMainDataShort && bytes.size() == 26U + bytes[25])
    return bytes.subspan(26);
  return walk_fragments(
      record, version, [](const BlockReference&) {}, [](std::uint16_t) {}, [](std::uint32_t) {});
}

std::optional<TransactionEndRecord> parse_transaction_end(const RecordView& record,
                                                          const VersionTraits& version) {
  const auto kind = end_kind(record);
  if (!kind) return std::nullopt;
  TransactionEndRecord end{.kind = *kind, .time = {}, .xid = record.xid, .subtransactions = 0, .gid = {}};
  ByteReader reader(parse_main_data(record, version), "transaction end");
  end.time = Instant::from_postgres(reader.fixed<std::int64_t>());
  if ((record.info & kHasXinfo) != 0) read_end_parts(reader, version, end);
  return end;
}

std::optional<PrepareRecord> parse_prepare(const RecordView& record, const VersionTraits& version) {
  if (record.rmid != kTransactionRecords) return std::nullopt;
  if ((record.info & kTransactionOperationMask) != kTransactionPrepare) return std::nullopt;
  ByteReader reader(parse_main_data(record, version), "PREPARE record");
  PrepareRecord prepare;
  reader.skip(8);  // magic, total length
  prepare.xid = reader.fixed<std::uint32_t>();
  reader.skip(4);  // database
  prepare.time = Instant::from_postgres(reader.fixed<std::int64_t>());
  reader.skip(version.prepare_gid_offset - 24);
  const auto gid_bytes = reader.fixed<std::uint16_t>();
  // Behind the GID's length come the origin's LSN and time; the GID follows the structure.
  reader.skip(16);
  prepare.gid = as_text(reader.bytes(gid_bytes));
  if (!prepare.gid.empty() && prepare.gid.back() == '\0') prepare.gid.pop_back();
  return prepare;
}

}  // namespace tidemark::wal
