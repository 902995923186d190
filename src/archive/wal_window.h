#pragma once
// The received WAL that somebody still needs, in memory: one buffer per segment, with the index of what it
// holds. One receiver fills it; the spool and each repository's lane read it at their own pace. Bounded: when
// every buffer is in use space() is empty, the receiver stops reading, and TCP holds the server back.
//
// Bytes below received() never change, so they are read without a lock; all else is behind one mutex. What is
// shipped begins and ends where parts end, so that a part's index goes with its bytes.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "archive/shipping_rule.h"
#include "archive/undurable_commits.h"
#include "tidemark/bytes.h"
#include "tidemark/lsn.h"
#include "wal/index.h"
#include "wal/segment_name.h"

namespace tidemark::archive {

// A part's bytes; a frame of a growing object holds at most 1 MiB.
inline constexpr std::uint64_t kPartBytes = 1U << 20;

struct WindowOptions {
  wal::SegmentSize segment_size;
  TimelineId timeline;
  Lsn start;                                 // a segment's start
  std::uint64_t limit_bytes = 128ULL << 20;  // at least two segments are held whatever it says
};

class WalWindow {
 public:
  // Part of a segment with its index; bytes and index never change.
  struct Part {
    Lsn start, end;
    ByteView bytes;
    std::shared_ptr<const wal::WalIndex> index;
  };
  using Buffer = std::shared_ptr<Byte[]>;
  struct Stretch {  // of one segment
    wal::SegmentNo segment;
    Lsn start, end;
    bool whole = false;  // the full segment, from its start
    std::vector<Part> parts;
    Buffer buffer;                // keeps the bytes
    ByteView bytes() const;       // all of it, contiguous
    wal::WalIndex index() const;  // merged
  };
  struct Look {
    std::uint64_t version = 0;
    Lsn received;
    bool segment_full = false;                    // the segment of the asked position
    std::optional<SteadyTime> first_end_arrival;  // behind the asked position
    bool synchronous = false;
    bool demanded = false;  // something behind the asked position is
    bool closed = false;    // nothing more will be received
  };

  explicit WalWindow(const WindowOptions& options);
  const WindowOptions& options() const { return options_; }

  // The receiver's; one thread.
  std::span<Byte> space();  // behind received(), to the end of its segment or part; empty: wait
  // The first bytes of space() were filled; `index` covers them. `arrival` of their last byte.
  void publish(std::size_t bytes, const wal::WalIndex& index, SteadyTime arrival);
  void end_part();  // the next bytes begin a new part, because some reader's position is here
  // [from, to) as held. `from` and `to` lie in one segment, which must be held.
  ByteView held(Lsn from, Lsn to) const;
  Lsn received() const;
  Lsn first_held() const;
  void close();

  // Readers: what they have not passed stays, as long as they are attached.
  std::size_t add_reader(Lsn position, bool optional);
  void advance(std::size_t reader, Lsn position);
  void detach(std::size_t reader);
  bool attached(std::size_t reader) const;
  // Succeeds when the window still holds the segment of `position`.
  bool attach_again(std::size_t reader, Lsn position);

  Look look(Lsn from) const;
  // Returns when something changed since `version`, or at the deadline.
  void wait_change(std::uint64_t version, SteadyTime deadline) const;
  // All that was received of the segment that holds the byte at `from`; the whole segment when it is full,
  // and `whole` is asked for.
  Stretch take(Lsn from, bool whole);

  void demand(Lsn through);  // ship all below at once
  void set_synchronous(bool synchronous);
  void wake();  // lets waiters look again

  std::optional<Instant> oldest_commit_after(Lsn durable) const;
  bool ends_all_below(Lsn durable) const;  // no transaction end was received behind it
  void forget_commits_through(Lsn durable);

 private:
  struct Segment {
    wal::SegmentNo number;
    Lsn end;
    Buffer buffer;
    struct Piece {
      Lsn start, end;
      std::shared_ptr<wal::WalIndex> index;
      bool sealed = false;
    };
    std::vector<Piece> pieces;
  };
  struct Reader {
    Lsn position;
    bool optional = false;
    bool attached = true;
  };
  struct Arrival {
    Lsn end;
    SteadyTime time;
  };

  bool full(const Segment& segment) const { return segment.end == segment.number.end(options_.segment_size); }
  bool open_segment();        // locked
  void drop_passed();         // locked
  void drop_slow_optional();  // locked
  const Segment& segment_at(Lsn from) const;
  void changed();

  const WindowOptions options_;
  const std::size_t segment_limit_;
  mutable std::mutex mutex_;  // guards all below
  mutable std::condition_variable condition_;
  std::uint64_t version_ = 0;
  std::deque<Segment> segments_;  // consecutive; the last is the one being filled
  std::vector<Buffer> spare_;
  std::vector<Reader> readers_;
  std::deque<Arrival> ends_;  // publications that held a transaction end
  UndurableCommits commits_;
  Lsn received_;
  Lsn demanded_;
  bool synchronous_ = false;
  bool closed_ = false;
};

}  // namespace tidemark::archive
