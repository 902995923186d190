#include "repository/shipment.h"

#include <algorithm>

#include "codec/object.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

constexpr std::size_t kFrameHeadLimit = 20;  // two varints
constexpr std::size_t kChunkBytes = codec::kFramePlainLimit - kFrameHeadLimit;

}  // namespace

ShipmentFrames::ShipmentFrames(ByteView wal, ByteView index, std::uint64_t durable_bytes)
    : durable_bytes_(durable_bytes) {
  ByteWriter writer(lengths_);
  writer.varint(wal.size());
  writer.varint(index.size());
  pieces_[0] = lengths_;
  pieces_[1] = index;
  pieces_[2] = wal;
  frames_left_ = (lengths_.size() + index.size() + wal.size() + kChunkBytes - 1) / kChunkBytes;
}

bool ShipmentFrames::next(Bytes& plain) {
  if (frames_left_ == 0) return false;
  plain.clear();
  ByteWriter writer(plain);
  writer.varint(durable_bytes_);
  writer.varint(--frames_left_);
  std::size_t room = kChunkBytes;
  for (ByteView& piece : pieces_) {
    const std::size_t step = std::min(room, piece.size());
    writer.bytes(piece.first(step));
    piece = piece.subspan(step);
    room -= step;
  }
  return true;
}

ShipmentFrame parse_shipment_frame(ByteView plain) {
  ByteReader reader(plain, "open WAL segment frame");
  ShipmentFrame frame;
  frame.durable_bytes = reader.varint();
  frame.frames_left = reader.varint();
  frame.chunk = reader.bytes(reader.left());
  return frame;
}

Shipment parse_shipment(ByteView whole) {
  ByteReader reader(whole, "open WAL segment shipment");
  const std::uint64_t wal_bytes = reader.varint();
  const std::uint64_t index_bytes = reader.varint();
  const ByteView index = reader.bytes(index_bytes);
  const ByteView wal = reader.bytes(wal_bytes);
  if (!reader.at_end() || wal.empty())
    throw Error(ErrorKind::corrupt, "a shipment of an open WAL segment is malformed");
  return {wal, index};
}

}  // namespace tidemark::repository
