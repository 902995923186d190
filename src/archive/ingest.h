#pragma once
// What happens to each byte of the stream, once: copied into the window's buffer, decoded and checked in
// place, indexed, published to spool and lanes. Bytes that the server sends again are compared with those
// before, whether these are in the window (a new connection) or in a repository (a new process): that is how
// divergence on one timeline is seen. One thread.

#include <functional>
#include <vector>

#include "archive/wal_window.h"
#include "tidemark/bytes.h"
#include "wal/index_builder.h"
#include "wal/stream_decoder.h"

namespace tidemark::archive {

// What repositories hold of one segment, to be compared with what comes.
struct ArchivedPrefix {
  std::string repository;
  Lsn start, end;
  Bytes bytes;  // [start, end)
};

struct IngestSetup {
  wal::DecoderOptions decoder;
  // A record that began before the window's start, from its first byte on: its end belongs to the first
  // segment's index.
  Lsn carried_start;           // 0/0: none is known
  Bytes carried;               // [carried_start, the window's start)
  std::vector<Lsn> part_ends;  // where lanes begin, ascending
  Lsn compare_below;           // some repository holds WAL up to here
  std::function<std::vector<ArchivedPrefix>(wal::SegmentNo)> read_archived;
};

class Ingest {
 public:
  Ingest(WalWindow& window, IngestSetup setup);

  // Takes the first bytes of what came at `at`; how many were taken: 0 = the window is full. Errors:
  // mismatch/ "divergent_wal", corrupt/"invalid_wal" (what was published before stays good),
  // unavailable/"stream_gap".
  std::size_t take(Lsn at, ByteView bytes, SteadyTime arrival);
  std::uint64_t compared_bytes() const { return compared_bytes_; }

 private:
  std::size_t compare_with_held(Lsn at, ByteView bytes);
  void compare_with_archived(Lsn at, ByteView bytes);
  void decode(ByteView bytes);
  std::size_t until_part_end(std::size_t bytes) const;

  WalWindow& window_;
  IngestSetup setup_;
  wal::StreamDecoder decoder_;
  wal::IndexBuilder builder_;
  Lsn received_;
  std::vector<ArchivedPrefix> archived_;  // of the segment that is being received
  std::optional<wal::SegmentNo> archived_of_;
  std::uint64_t compared_bytes_ = 0;
};

}  // namespace tidemark::archive
