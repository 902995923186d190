#pragma once
// Writes WAL that a server could have written: pages, records, checksums and previous-record links are valid,
// the content is made up. For unit tests, fuzz seeds and benches; needs base and wal only. One thread.

#include <cstdint>
#include <optional>
#include <string_view>

#include "tidemark/bytes.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/segment_name.h"
#include "wal/stream_decoder.h"
#include "wal/versions.h"

namespace tidemark::test {

struct WalWriterOptions {
  int major = 15;
  wal::SegmentSize segment_size = {};
  TimelineId timeline{1};
  SystemId system_id{7'000'000'000'000'000'001ULL};
  std::optional<Lsn> start = {};  // a page boundary; the start of segment 1 when unset
  Lsn previous = {};              // start of the record before the first, for WAL that goes on from other WAL
};

struct WrittenRecord {
  Lsn start;
  Lsn end;  // aligned, as RecordView::end
};

class WalWriter {
 public:
  explicit WalWriter(const WalWriterOptions& options = {});

  // `body`: all behind the 24 bytes of the header.
  WrittenRecord record(std::uint8_t rmid, std::uint8_t info, std::uint32_t xid, ByteView body);
  // A body that is main data only.
  WrittenRecord main_data_record(std::uint8_t rmid, std::uint8_t info, std::uint32_t xid, ByteView main_data);

  WrittenRecord commit(std::uint32_t xid, Instant time);
  WrittenRecord abort(std::uint32_t xid, Instant time);
  WrittenRecord prepare(std::uint32_t xid, Instant time, std::string_view gid);
  WrittenRecord commit_prepared(std::uint32_t xid, Instant time, std::string_view gid);
  WrittenRecord abort_prepared(std::uint32_t xid, Instant time, std::string_view gid);
  // A commit with every optional part: subtransactions, dropped relations and statistics, invalidations,
  // origin.
  WrittenRecord full_commit(std::uint32_t xid, Instant time);
  WrittenRecord restore_point(Instant time, std::string_view name);
  WrittenRecord checkpoint(bool online, std::uint64_t next_xid, Lsn redo);
  WrittenRecord backup_end(Lsn backup_start);
  WrittenRecord parameter_change(std::uint32_t wal_level, std::uint32_t max_connections,
                                 std::uint32_t max_prepared_transactions);
  WrittenRecord end_of_recovery(TimelineId now, TimelineId before, Instant time);
  WrittenRecord running_transactions(std::uint32_t next_xid, std::uint32_t oldest_running_xid,
                                     bool overflowed);
  // An INSERT into a heap: one block reference with `data_bytes` of data, and a page image when asked.
  WrittenRecord insert(std::uint32_t xid, std::uint32_t relation, std::uint32_t block, std::size_t data_bytes,
                       bool image = false);
  // A logical message of about `bytes` bytes: the way to a record over many pages.
  WrittenRecord message(std::uint32_t xid, std::size_t bytes);
  // SWITCH and the zeros to the end of the segment.
  WrittenRecord segment_switch();

  // The page headers written from now on carry it.
  void set_timeline(TimelineId timeline) { options_.timeline = timeline; }
  // A record of `bytes` bytes that breaks off after the page boundary behind its `written` bytes, as a crash
  // leaves it, then OVERWRITE_CONTRECORD at the next page. Returns the latter; broken_record() is where the
  // lost one began.
  WrittenRecord broken_record(std::size_t bytes, std::size_t written);
  Lsn broken_record() const { return broken_; }

  Lsn start() const { return start_; }
  Lsn end() const { return start_ + bytes_.size(); }  // behind the last record
  Lsn last_record() const { return previous_; }
  std::size_t page_left() const;  // of the page that is being written; 0 at a boundary
  const Bytes& bytes() const { return bytes_; }
  ByteView from(Lsn lsn) const { return ByteView(bytes_).subspan(lsn - start_); }
  // What the whole segment's file holds: zeros behind what was written. The segment must begin at or behind
  // start().
  Bytes segment(wal::SegmentNo segment) const;

  const WalWriterOptions& options() const { return options_; }
  wal::DecoderOptions decoder_options() const;

 private:
  void begin_page(std::uint16_t flags, std::uint32_t remaining);
  void put(ByteView bytes);
  Bytes render(std::uint8_t rmid, std::uint8_t info, std::uint32_t xid, ByteView body) const;
  WrittenRecord end_record(Lsn start);
  Lsn next_start();
  WrittenRecord transaction_end(std::uint8_t operation, std::uint32_t xid, Instant time,
                                std::string_view gid);

  WalWriterOptions options_;
  const wal::VersionTraits& version_;
  Lsn start_;
  Lsn previous_;
  Lsn broken_;
  Bytes bytes_;
};

// A load as pgbench makes it, with an event of every kind now and then, until about `bytes` bytes are
// written. Seeded: the same `seed` gives the same bytes.
void write_load(WalWriter& writer, std::size_t bytes, std::uint32_t seed = 1);

}  // namespace tidemark::test
