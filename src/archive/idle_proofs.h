#pragma once
// Idle proofs (t, p): nothing acknowledged by t lies at or beyond p. One becomes valid once all below p is
// durable; see design.md "The contract for exact". Pure; the owner locks.

#include <deque>
#include <optional>

#include "catalog/mark.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/segment_name.h"

namespace tidemark::archive {

// An insert position right behind a page header means that the page holds nothing yet, and then its header
// was not streamed either: all that is needed below it ends where the page begins.
Lsn needed_below(Lsn insert_position, wal::SegmentSize segment_size);

class IdleProofs {
 public:
  void saw(Instant clock, Lsn position);  // `position` as needed_below() has it
  // `quiet`: received reaches beyond every position seen, and all transaction ends received are durable. Then
  // what lies between durable and received holds nothing that anybody was told of, and each proof holds at
  // `durable` itself: an idle primary's noise need not be shipped to extend the recovery window.
  void settle(TimelineId timeline, Lsn durable, Lsn received, bool ends_durable);
  const std::optional<catalog::IdleProof>& newest() const { return newest_; }
  void forget_pending() { pending_.clear(); }  // another timeline: positions do not compare

 private:
  struct Pending {
    Instant time;
    Lsn position;
  };
  std::deque<Pending> pending_;  // by position, one for each
  std::optional<catalog::IdleProof> newest_;
};

}  // namespace tidemark::archive
