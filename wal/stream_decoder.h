#pragma once
// Turns WAL bytes, fed in pieces of any size, into checked records: postgres-notes 1.2-1.4;
// access/transam/xlogreader.c.
//
// Checked on the way: page magic, flags, address, timeline (never decreasing, never above the expected one),
// system identifier and sizes of long headers, record length, xl_prev chain, CRC-32C, continuation lengths,
// the rule for overwritten continuation records (flag 0x0008), zeros after SWITCH. One thread. Memory: the
// longest record.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tidemark/bytes.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/record.h"
#include "wal/segment_name.h"
#include "wal/versions.h"

namespace tidemark::wal {

struct DecoderOptions {
  SegmentSize segment_size;
  TimelineId timeline;                // pages must not carry a higher one
  std::optional<SystemId> system_id;  // unset: learned from the first long header
  std::optional<int> major;           // unset: learned from the first page's magic
};

class StreamDecoder {
 public:
  // `start` is the LSN of the first byte that feed() will bring, aligned to 8. At a page boundary records are
  // found by the page header (a record continued from before is skipped, see first_record_start()); elsewhere
  // it must be the start of a record, and options.major should be set as no page header tells it.
  StreamDecoder(const DecoderOptions& options, Lsn start);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  // The next bytes. They must stay valid until next() answered need_more. (Records inside them are decoded in
  // place.)
  void feed(ByteView bytes);

  enum class Next { record, need_more, end_of_wal };
  // end_of_wal: the bytes at position() are not the continuation of valid WAL, as at the end of a live
  // segment file; why() tells. For WAL that must be valid (streamed, archived) the caller makes an Error of
  // it with throw_end_of_wal().
  Next next(RecordView& record);

  // Everything below was decoded or skipped; the start of the unfinished record, if one is open. Behind a
  // SWITCH it moves through the zeros to the segment's end, whereas last_record_end() is the end of the
  // SWITCH itself.
  Lsn position() const;
  Lsn fed_to() const;             // end of what feed() brought
  Lsn last_record_start() const;  // of the last whole record; 0/0 before the first
  Lsn last_record_end()
      const;               // a record is whole when the padding behind it is there too: never above fed_to()
  bool in_record() const;  // a record began and is not complete
  // Where the first whole record begins when the start was in mid-record; 0/0 until known.
  Lsn first_record_start() const;
  const VersionTraits* version() const;  // nullptr before the first page header
  std::optional<SystemId> system_id() const;
  const std::string& why() const;              // reason of end_of_wal
  [[noreturn]] void throw_end_of_wal() const;  // Error corrupt with position and why()

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::wal
