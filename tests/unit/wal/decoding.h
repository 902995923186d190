#pragma once
// What a decoder gave, kept behind its next call.

#include <algorithm>
#include <string>
#include <vector>

#include "wal/stream_decoder.h"

namespace tidemark::wal {

struct KeptRecord {
  Lsn start, end, previous;
  std::uint32_t xid = 0;
  std::uint8_t info = 0, rmid = 0;
  Bytes bytes;
  bool operator==(const KeptRecord&) const = default;
};

inline KeptRecord keep(const RecordView& record) {
  return {record.start,
          record.end,
          record.previous,
          record.xid,
          record.info,
          record.rmid,
          Bytes(record.bytes.begin(), record.bytes.end())};
}

struct Decoded {
  std::vector<KeptRecord> records;
  bool ended = false;
  std::string why;
  Lsn position, last_start, last_end, first;
  bool in_record = false;
  bool operator==(const Decoded&) const = default;
};

// Feeds `bytes` in pieces of the given sizes, the last one again and again.
inline Decoded decode(StreamDecoder& decoder, ByteView bytes, const std::vector<std::size_t>& pieces) {
  Decoded decoded;
  RecordView record;
  for (std::size_t at = 0, piece = 0; at < bytes.size() && !decoded.ended; ++piece) {
    const std::size_t taken = std::min(pieces[std::min(piece, pieces.size() - 1)], bytes.size() - at);
    // A copy of its own, so that a decoder that reads behind the piece is seen by the address sanitizer.
    const Bytes fed(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    bytes.begin() + static_cast<std::ptrdiff_t>(at + taken));
    decoder.feed(fed);
    at += taken;
    for (;;) {
      const auto next = decoder.next(record);
      if (next == StreamDecoder::Next::record) {
        decoded.records.push_back(keep(record));
        continue;
      }
      decoded.ended = next == StreamDecoder::Next::end_of_wal;
      break;
    }
  }
  decoded.why = decoder.why();
  decoded.position = decoder.position();
  decoded.last_start = decoder.last_record_start();
  decoded.last_end = decoder.last_record_end();
  decoded.first = decoder.first_record_start();
  decoded.in_record = decoder.in_record();
  return decoded;
}

inline Decoded decode(const DecoderOptions& options, Lsn start, ByteView bytes,
                      const std::vector<std::size_t>& pieces = {std::size_t{1} << 40}) {
  StreamDecoder decoder(options, start);
  return decode(decoder, bytes, pieces);
}

}  // namespace tidemark::wal
