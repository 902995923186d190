#pragma once
// Questions that the plan asks of one run of backups along one branch. Reads its index lazily; one thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/branch.h"
#include "catalog/path_reader.h"
#include "catalog/restore_plan.h"
#include "tidemark/error.h"

namespace tidemark::catalog {

// A record known by its place.
struct RecordPlace {
  Lsn start, end;
};

class RunSearch {
 public:
  // All but `run` must outlive it.
  RunSearch(const Inventory& inventory, const wal::TimelineHistory& history, BackupRun run,
            IndexSource& source);

  const wal::TimelineHistory& history() const { return history_; }
  const BackupRun& run() const { return run_; }
  const BackupHeader& oldest() const { return *run_.backups.front(); }
  Lsn end() const { return run_.end(); }
  wal::SegmentSize segment_size() const { return inventory_.segment_size; }
  bool holds(const BackupId& id) const;
  PathReader& reader();

  // The moments that the run reaches: from the end of its oldest backup to the later of its last transaction
  // end and the newest idle proof that holds for it.
  Instant from() const { return oldest().finished; }
  Instant to();
  std::optional<Instant> latest();  // stamp of a transaction end
  std::optional<IdleProof> proof() const { return proof_; }
  bool reaches(Instant time) { return from() <= time && time <= to(); }

  std::optional<wal::TransactionEnd> first_end_later_than(Instant time);
  std::optional<wal::TransactionEnd> first_end_from(Lsn start);  // its start is at or behind `start`
  // The last whose start is before `limit`; also in the unbroken WAL before the oldest backup.
  std::optional<wal::TransactionEnd> last_end_before(Lsn limit, bool commits_only);
  std::optional<RecordPlace> last_record();                       // whole ones
  std::optional<RecordPlace> first_known_record_from(Lsn start);  // of those that the index names one by one
  Lsn first_unfinished();  // start of the record that is open at the end; 0/0 = none
  // Rows that may hold records which start before `limit`: [0, result).
  std::size_t rows_before(Lsn limit);

 private:
  std::optional<wal::TransactionEnd> last_end_before_run(bool commits_only);

  const Inventory& inventory_;
  const wal::TimelineHistory& history_;
  BackupRun run_;
  IndexSource& source_;
  std::optional<PathReader> reader_;
  std::optional<IdleProof> proof_;
  std::optional<std::optional<Instant>> latest_;
};

// Where replay stops on a run, before a backup is chosen.
struct FoundStop {
  RunSearch* run = nullptr;
  StopPoint stop;
  Lsn read_to;  // end of the record at the stop, which recovery reads
};

// The first record start that is not replayed: `stop` itself when it is exclusive, else anything behind it.
inline Lsn replay_limit(const StopPoint& stop) { return stop.inclusive ? stop.lsn + 1 : stop.lsn; }

std::vector<std::unique_ptr<RunSearch>> runs_of(const Inventory& inventory,
                                                const std::vector<TimelineId>& timelines,
                                                IndexSource& source);

using Runs = std::vector<std::unique_ptr<RunSearch>>;

// One search per kind of target. Error refused.
FoundStop find_time(const Runs& runs, const Target& target);
FoundStop find_latest(const Runs& runs);
FoundStop find_immediate(const Runs& runs, const std::optional<BackupId>& backup);
FoundStop find_lsn(const Runs& runs, const Target& target);
FoundStop find_xid(const Runs& runs, const Target& target);
FoundStop find_name(const Runs& runs, const Target& target);
FoundStop end_of_run(RunSearch& run);

// The full transaction id whose low half is `xid`, nearest to `next_full_xid` of a checkpoint.
std::uint64_t full_xid_near(std::uint64_t next_full_xid, std::uint32_t xid);

// What plan and refusal say of a moment and of windows.
std::string describe_windows(const Runs& runs);
Error refuse_time(const Runs& runs, const Target& target);
Error refuse_branches(const std::string& what, const std::vector<const RunSearch*>& runs);

}  // namespace tidemark::catalog
