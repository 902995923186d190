// The decoder on arbitrary bytes: no crash, no read outside of what was fed, and the same records however
// they are cut. The first bytes choose version, start and pieces; damaged valid WAL comes from the corpus
// that the fuzzer grows, and from records whose checksum is set right on the way, since no fuzzer guesses
// one.

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <vector>

#include "tidemark/error.h"
#include "wal/index_builder.h"
#include "wal/page.h"
#include "wal/stream_decoder.h"

namespace {

using namespace tidemark;
using namespace tidemark::wal;

struct Seen {
  std::vector<Lsn> ends;
  bool ended = false;
  Lsn position;
  bool operator==(const Seen&) const = default;
};

void require(bool condition) {
  if (!condition) std::abort();
}

// `index_them`: take the records apart too. Off in half of the runs, for made-up records throw, and that is
// slow.
Seen decode(const DecoderOptions& options, Lsn start, ByteView bytes, std::size_t piece, bool index_them) {
  StreamDecoder decoder(options, start);
  IndexBuilder builder(options.timeline, start);
  Seen seen;
  RecordView record;
  Lsn last = start;
  bool indexed = index_them;
  for (std::size_t at = 0; at < bytes.size() && !seen.ended; at += piece) {
    const ByteView part = bytes.subspan(at, std::min(piece, bytes.size() - at));
    const Bytes fed(part.begin(), part.end());
    decoder.feed(fed);
    auto next = decoder.next(record);
    for (; next == StreamDecoder::Next::record; next = decoder.next(record)) {
      require(record.start >= last && record.end > record.start && record.end <= decoder.fed_to());
      last = record.end;
      seen.ends.push_back(record.end);
      try {
        if (index_them) parse_record_parts(record, *version_of_major(15));
        if (indexed) builder.add(record, *version_of_major(15));
      } catch (const Error& error) {
        require(error.kind() == ErrorKind::corrupt);
        indexed = false;  // what was not added leaves the builder behind
      }
    }
    seen.ended = next == StreamDecoder::Next::end_of_wal;
    require(decoder.position() <= decoder.fed_to());
  }
  seen.position = decoder.position();
  if (indexed) {
    const WalIndex index = builder.cut(last, Lsn());
    require(WalIndex::parse(index.serialize()) == index);
  }
  return seen;
}

// Makes headers and checksums right where a length makes sense, so that the mutations reach the code behind
// them.
void mend(Bytes& bytes, Lsn start, std::uint8_t choice) {
  Lsn previous;
  std::size_t at = 0;
  while (at + kShortPageHeaderBytes <= bytes.size()) {
    const std::size_t in_page = (start.value() + at) % kDefaultPageBytes;
    if (in_page == 0) {
      const bool first = (start.value() + at) % (1U << 20) == 0;
      store_le<std::uint16_t>(&bytes[at], 0xD110);
      bytes[at + 2] =
          static_cast<Byte>((bytes[at + 2] & ~kLongHeader & choice & 0x0F) | (first ? kLongHeader : 0));
      bytes[at + 3] = 0;
      store_le<std::uint32_t>(&bytes[at + 4], 1);
      store_le<std::uint64_t>(&bytes[at + 8], start.value() + at);
      at += first ? kLongPageHeaderBytes : kShortPageHeaderBytes;
      continue;
    }
    const std::size_t left = std::min<std::size_t>(kDefaultPageBytes - in_page, bytes.size() - at);
    if (left < kRecordHeaderBytes) break;
    const std::size_t total =
        std::min<std::size_t>(kRecordHeaderBytes + bytes[at] + (bytes[at + 1] & 3) * 256, left);
    store_le(&bytes[at], static_cast<std::uint32_t>(total));
    store_le(&bytes[at + 8], previous.value());
    bytes[at + 17] = static_cast<Byte>(bytes[at + 17] % 22);
    store_le(&bytes[at + 20], record_crc(ByteView(bytes).subspan(at, total)));
    previous = start + at;
    at += (total + 7) / 8 * 8;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::uint8_t choice = data[0];
  const Lsn start((1U << 20) + (choice & 2 ? kDefaultPageBytes : 0) + (choice & 4 ? 8 * data[2] : 0));
  Bytes bytes(data + 4, data + size);
  // More pages than a fuzzer's input has bytes for: the input again and again.
  while ((choice & 9) == 9 && !bytes.empty() && bytes.size() < 20'000) {
    bytes.insert(bytes.end(), data + 4, data + size);
  }
  if ((choice & 16) == 0) {
    bytes.resize(std::max<std::size_t>(bytes.size(), 64));
    mend(bytes, start, data[3]);
  }
  const DecoderOptions options{.segment_size = *SegmentSize::from_bytes(1U << 20),
                               .timeline = TimelineId(1),
                               .system_id = std::nullopt,
                               .major = choice & 32 ? std::optional(15) : std::nullopt};
  // Small pieces for small inputs only: the fuzzer lives on speed.
  const std::size_t piece = std::size_t{1} + data[1] + (bytes.size() > 2000 ? bytes.size() / 16 : 0);
  const Seen whole = decode(options, start, bytes, bytes.size() + 1, (choice & 64) != 0);
  require(decode(options, start, bytes, piece, (choice & 64) != 0) == whole);
  return 0;
}
