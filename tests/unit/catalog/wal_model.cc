#include "wal_model.h"

#include <algorithm>

namespace tidemark::catalog {

const ModelRecord& ModelWal::add(ModelKind kind, Instant time, std::uint64_t full_xid, std::uint64_t bytes,
                                 std::string name) {
  ModelRecord record;
  record.start = end_;
  record.end = end_ + bytes;
  record.kind = kind;
  record.time = time;
  record.full_xid = full_xid;
  record.name = std::move(name);
  end_ = record.end;
  records_.push_back(std::move(record));
  return records_.back();
}

namespace {

wal::EndKind end_kind(ModelKind kind) {
  switch (kind) {
    case ModelKind::abort:
      return wal::EndKind::abort;
    case ModelKind::commit_prepared:
      return wal::EndKind::commit_prepared;
    case ModelKind::abort_prepared:
      return wal::EndKind::abort_prepared;
    default:
      return wal::EndKind::commit;
  }
}

void add_event(wal::WalIndex& index, const ModelRecord& record) {
  using wal::EventKind;
  switch (record.kind) {
    case ModelKind::checkpoint:
      index.events.push_back({record.start, record.end, EventKind::checkpoint_online, record.full_xid, 0});
      break;
    case ModelKind::running:
    case ModelKind::running_overflowed:
      index.events.push_back({record.start, record.end, EventKind::running_transactions,
                              record.kind == ModelKind::running_overflowed ? 1U : 0U, 0});
      break;
    case ModelKind::backup_end:
      index.events.push_back({record.start, record.end, EventKind::backup_end, 0, 0});
      break;
    case ModelKind::wal_switch:
      index.events.push_back({record.start, record.end, EventKind::segment_switch, 0, 0});
      break;
    case ModelKind::parameters:
      index.events.push_back({record.start, record.end, EventKind::parameter_change, record.value >> 32,
                              (record.value & 0xFFFF'FFFF) << 32 | 7});
      break;
    default:
      break;
  }
}

void add_record(wal::WalIndex& index, const ModelRecord& record) {
  if (index.record_count++ == 0) index.first_record = record.start;
  index.last_record = record.start;
  index.last_record_end = record.end;
  const auto xid = static_cast<std::uint32_t>(record.full_xid);
  if (record.ends_transaction()) {
    index.ends.push_back({record.start, record.end, record.time, xid, end_kind(record.kind)});
    index.earliest = index.earliest ? std::min(*index.earliest, record.time) : record.time;
    index.latest = index.latest ? std::max(*index.latest, record.time) : record.time;
  } else if (record.kind == ModelKind::prepare) {
    index.prepares.push_back({record.start, record.end, record.time, xid, "gid"});
  } else if (record.kind == ModelKind::restore_point) {
    index.restore_points.push_back({record.start, record.end, record.time, record.name});
  } else {
    add_event(index, record);
  }
}

}  // namespace

wal::WalIndex ModelWal::index(Lsn from, Lsn to) const {
  wal::WalIndex index;
  index.start = from;
  index.end = to;
  index.timeline = timeline_;
  for (const ModelRecord& record : records_) {
    if (record.end > from && record.end <= to) add_record(index, record);
    if (record.start < to && record.end > to) index.unfinished = record.start;
  }
  return index;
}

void MemoryIndex::add(wal::WalIndex index, bool summarized) {
  parts_.emplace_back(std::move(index), summarized);
}

std::vector<IndexSource::Row> MemoryIndex::rows(TimelineId timeline, Lsn from, Lsn to) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto& [index, summarized] = parts_[i];
    if (index.timeline != timeline || index.end <= from || index.start >= to) continue;
    Row row{timeline, index.start, index.end, std::nullopt, std::nullopt, summarized, i};
    if (summarized) {
      row.earliest = index.earliest;
      row.latest = index.latest;
    }
    rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.start < b.start; });
  return rows;
}

wal::WalIndex MemoryIndex::load(const Row& row) {
  ++loads;
  return parts_.at(row.key).first;
}

void archive(Inventory& inventory, MemoryIndex& index, const ModelWal& wal, Lsn from, Lsn to,
             const std::vector<Lsn>& cuts, bool summarized) {
  std::set<Lsn> edges(cuts.begin(), cuts.end());
  edges.insert(to);
  Lsn start = from;
  for (const Lsn edge : edges) {
    if (edge <= start || edge > to) continue;
    wal::WalIndex row = wal.index(start, edge);
    WalStretch stretch{wal.timeline(), start, edge, std::nullopt, std::nullopt, summarized, 1000};
    if (summarized) {
      stretch.earliest = row.earliest;
      stretch.latest = row.latest;
    }
    inventory.wal.push_back(stretch);
    index.add(std::move(row), summarized);
    start = edge;
  }
  std::sort(inventory.wal.begin(), inventory.wal.end(), [](const WalStretch& a, const WalStretch& b) {
    return a.timeline != b.timeline ? a.timeline < b.timeline : a.start < b.start;
  });
}

}  // namespace tidemark::catalog
