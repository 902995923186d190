#pragma once
// How a shipment lies in the frames of an open object: docs/repository-format.md "WAL ranges". Each frame
// begins with how many bytes of the object were durable when it was written, and how many frames of its
// shipment follow. The shipment itself: length of the WAL, length of the index, index, WAL. One thread.

#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/bytes.h"

namespace tidemark::repository {

class ShipmentFrames {
 public:
  // The views must outlive this.
  ShipmentFrames(ByteView wal, ByteView index, std::uint64_t durable_bytes);
  // The plain bytes of the next frame to `plain`, whose memory is reused; false: there is none.
  bool next(Bytes& plain);

 private:
  Bytes lengths_;
  ByteView pieces_[3];
  std::uint64_t durable_bytes_;
  std::uint64_t frames_left_;
};

struct ShipmentFrame {
  std::uint64_t durable_bytes = 0;
  std::uint64_t frames_left = 0;
  ByteView chunk;
};
ShipmentFrame parse_shipment_frame(ByteView plain);  // Error corrupt

struct Shipment {
  ByteView wal, index;
};
Shipment parse_shipment(ByteView whole);  // Error corrupt

}  // namespace tidemark::repository
