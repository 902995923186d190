#pragma once
// Commit times between durable and received: what RPO is computed from. Commit times are not in WAL order
// (postgres-notes 2.2), so "the oldest commit behind d" is the minimum of a suffix; only those that can still
// be such a minimum are kept. Pure; the owner locks.

#include <deque>
#include <optional>

#include "tidemark/instant.h"
#include "tidemark/lsn.h"

namespace tidemark::archive {

class UndurableCommits {
 public:
  // Ends ascend. `time`: of a commit record that ends at or before `end` and behind the `end` added before.
  // Positions that are asked for must be such ends, or lie below the first.
  void add(Lsn end, Instant time) {
    while (!commits_.empty() && commits_.back().time >= time) commits_.pop_back();
    commits_.push_back({end, time});
  }
  std::optional<Instant> oldest_after(Lsn durable) const;
  void forget_through(Lsn durable) {
    while (!commits_.empty() && commits_.front().end <= durable) commits_.pop_front();
  }
  std::size_t size() const { return commits_.size(); }

 private:
  struct Commit {
    Lsn end;
    Instant time;
  };
  std::deque<Commit> commits_;  // by end, and strictly ascending in time too
};

}  // namespace tidemark::archive
