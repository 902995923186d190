#pragma once
// A cluster's WAL as a plain list of records, to check inventory and plan against brute force: random streams
// with clock inversions, equal microseconds, aborts, prepares, backups, gaps and a fork.

#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "catalog/inventory.h"
#include "catalog/restore_plan.h"

namespace tidemark::catalog {

enum class ModelKind {
  other,
  commit,
  abort,
  commit_prepared,
  abort_prepared,
  prepare,
  restore_point,
  checkpoint,
  running,
  running_overflowed,
  backup_end,
  wal_switch,
  parameters,
};

struct ModelRecord {
  Lsn start, end;
  ModelKind kind = ModelKind::other;
  Instant time;
  std::uint64_t full_xid = 0;
  std::uint64_t value = 0;  // parameters: wal_level << 32 | max_connections
  std::string name;         // restore_point
  bool ends_transaction() const { return kind >= ModelKind::commit && kind <= ModelKind::abort_prepared; }
  bool commits() const { return kind == ModelKind::commit || kind == ModelKind::commit_prepared; }
};

// One timeline's own records, appended one by one.
class ModelWal {
 public:
  ModelWal(TimelineId timeline, Lsn begin) : timeline_(timeline), begin_(begin), end_(begin) {}
  const ModelRecord& add(ModelKind kind, Instant time, std::uint64_t full_xid = 0, std::uint64_t bytes = 64,
                         std::string name = {});
  TimelineId timeline() const { return timeline_; }
  Lsn begin() const { return begin_; }
  Lsn end() const { return end_; }
  std::vector<ModelRecord>& records() { return records_; }
  const std::vector<ModelRecord>& records() const { return records_; }
  // What an index pass over [from, to) learns.
  wal::WalIndex index(Lsn from, Lsn to) const;

 private:
  TimelineId timeline_;
  Lsn begin_, end_;
  std::vector<ModelRecord> records_;
};

// The repository of a model: rows in memory, some of them summarized.
class MemoryIndex : public IndexSource {
 public:
  void add(wal::WalIndex index, bool summarized);
  std::vector<Row> rows(TimelineId timeline, Lsn from, Lsn to) override;
  wal::WalIndex load(const Row& row) override;

  std::size_t loads = 0;

 private:
  std::vector<std::pair<wal::WalIndex, bool>> parts_;
};

// Archives [from, to) of `wal` in rows cut at `cuts`, each summarized or not, into the inventory and the
// index.
void archive(Inventory& inventory, MemoryIndex& index, const ModelWal& wal, Lsn from, Lsn to,
             const std::vector<Lsn>& cuts = {}, bool summarized = true);

// Begins with a checkpoint's redo and ends with BACKUP_END and SWITCH; what `between` adds lies inside.
template <typename Between>
BackupHeader take_backup(ModelWal& wal, int number, Instant started, Instant finished, Between between) {
  BackupHeader header;
  header.id = BackupId(started, static_cast<std::uint16_t>(number));
  header.timeline = wal.timeline();
  header.start = wal.end();
  wal.add(ModelKind::running, started);
  wal.add(ModelKind::checkpoint, started);
  between();
  const ModelRecord end = wal.add(ModelKind::backup_end, finished);
  header.backup_end = end.start;
  header.stop = end.end;
  wal.add(ModelKind::wal_switch, finished);
  header.started = started;
  header.finished = finished;
  header.bytes = 1'000'000;
  return header;
}
inline BackupHeader take_backup(ModelWal& wal, int number, Instant started, Instant finished) {
  return take_backup(wal, number, started, finished, [] {});
}

}  // namespace tidemark::catalog
