#pragma once
// Puts what workers finish, in whatever order, back into path order and writes it into parts, for each
// target. Holds at most kPendingUnits results: a worker that is further ahead of the slowest one waits. Any
// thread.

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "backup/backup_target.h"
#include "catalog/parts.h"

namespace tidemark::backup {

inline constexpr std::uint64_t kPendingUnits = 1024;

// What became of a CopyUnit.
struct CopiedUnit {
  std::uint64_t sequence = 0;
  std::optional<catalog::FileEntry> begins;
  bool ends = false;
  std::vector<catalog::Extent> extents;  // one a target; none when the unit had nothing to read
};

struct CopyTotals {
  std::uint64_t bytes = 0, files = 0, extents = 0;
};

class PartAssembler {
 public:
  explicit PartAssembler(std::vector<BackupTarget*> targets);
  void deliver(CopiedUnit unit);
  CopyTotals finish();                  // after the last unit: the last parts
  void fail(std::exception_ptr error);  // wakes whoever waits in deliver()

 private:
  struct Open {
    catalog::PartBuilder builder;
    catalog::FileEntry entry;  // of the entry being assembled; its extents so far
  };
  void take(CopiedUnit& unit);
  void take_extent(std::size_t target, catalog::Extent& extent, bool ends);
  void add_entry(std::size_t target);
  void flush_part(std::size_t target);

  const std::vector<BackupTarget*> targets_;
  std::mutex mutex_;  // guards everything below
  std::condition_variable moved_;
  std::map<std::uint64_t, CopiedUnit> pending_;
  std::uint64_t next_ = 0;
  std::vector<Open> open_;  // one a target
  CopyTotals totals_;
  std::exception_ptr error_;
};

}  // namespace tidemark::backup
