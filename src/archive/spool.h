#pragma once
// The spool: received WAL on a local disk, one file per open segment, durable before it is reported as
// *written*. It makes `synchronous_commit = remote_write` mean something, and when the primary is gone it
// holds what the repositories had not taken yet: `wal salvage` reads it.
//
// A file is a header of 4096 bytes and the segment's bytes as received, followed by zeros to the segment's
// size. Its valid end is where the WAL stops being valid, as in pg_wal. It is removed once its segment is
// durable in every required repository; an optional one that is behind reads from those.
//
// What a crash left behind is not read when archiving goes on: the server sends again from the segment's
// start. Those very bytes may be written over it; when they differ, the file is set aside under another name,
// because it may be the only trace of what another history committed.

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "disk/durable_ops.h"
#include "tidemark/bytes.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/segment_name.h"

namespace tidemark::archive {

struct SpoolHeader {
  SystemId system_id;
  TimelineId timeline;
  wal::SegmentNo segment;
  wal::SegmentSize segment_size;
  bool operator==(const SpoolHeader&) const = default;
};
inline constexpr std::size_t kSpoolHeaderBytes = 4096;

Bytes render_spool_header(const SpoolHeader& header);
// nullopt: not a spool file (any more), as after a crash while it was made.
std::optional<SpoolHeader> parse_spool_header(ByteView file);

// "000000010000000A000000FE.spool"
std::string spool_file_name(TimelineId timeline, wal::SegmentNo segment, wal::SegmentSize size);

// The files of one timeline. One thread. Errors: io.
class Spool {
 public:
  Spool(std::filesystem::path folder, SystemId system_id, TimelineId timeline, wal::SegmentSize size,
        disk::DurableOps& ops);

  // Bytes of one segment. The first of a segment begin at its start, those after follow. Durable on return.
  void write(Lsn start, ByteView bytes);
  // Removes the files of whole segments below `durable`, and those that an earlier run left of them.
  void remove_below(Lsn durable);
  // All of this timeline, when everything received is durable in the required repositories.
  void remove_all();
  // After an error: the file is given up, and write() begins again at its segment's start.
  void abandon_file();

 private:
  std::filesystem::path path_of(wal::SegmentNo segment) const;
  void begin_file(wal::SegmentNo segment, Lsn start);
  bool differs_from_leftover(Lsn start, ByteView bytes) const;
  void set_leftover_aside();

  const std::filesystem::path folder_;
  const SystemId system_id_;
  const TimelineId timeline_;
  const wal::SegmentSize size_;
  disk::DurableOps& ops_;
  std::unique_ptr<disk::OutputFile> file_;
  wal::SegmentNo segment_;
  Lsn end_;
  Bytes leftover_;                                         // WAL bytes of a file that was there already
  std::map<wal::SegmentNo, std::filesystem::path> files_;  // present, as far as known
};

}  // namespace tidemark::archive
