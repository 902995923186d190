#include "wal/index_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::wal {
namespace {

constexpr std::size_t kCheckpointNextXidOffset = 24;

ByteView main_data(const RecordView& record, const VersionTraits& version, std::size_t at_least,
                   const char* what) {
  const ByteView data = parse_main_data(record, version);
  if (data.size() >= at_least) return data;
  throw Error(ErrorKind::corrupt,
              fmt::format("the {} record at {} has {} bytes of data, at least {} were expected", what,
                          record.start.to_string(), data.size(), at_least));
}

std::uint64_t high_low(std::uint32_t high, std::uint32_t low) { return std::uint64_t{high} << 32 | low; }

Event event_of(const RecordView& record, EventKind kind, std::uint64_t a = 0, std::uint64_t b = 0) {
  return {record.start, record.end, kind, a, b};
}

std::optional<Event> xlog_event(const RecordView& record, const VersionTraits& version) {
  switch (record.operation()) {
    case kCheckpointShutdown:
    case kCheckpointOnline: {
      const ByteView data = main_data(record, version, kCheckpointNextXidOffset + 8, "checkpoint");
      const bool online = record.operation() == kCheckpointOnline;
      return event_of(record, online ? EventKind::checkpoint_online : EventKind::checkpoint_shutdown,
                      load_le<std::uint64_t>(&data[kCheckpointNextXidOffset]),
                      load_le<std::uint64_t>(&data[0]));
    }
    case kSegmentSwitch:
      return event_of(record, EventKind::segment_switch);
    case kBackupEnd: {
      const ByteView data = main_data(record, version, 8, "BACKUP_END");
      return event_of(record, EventKind::backup_end, load_le<std::uint64_t>(&data[0]));
    }
    case kParameterChange: {
      const ByteView data = main_data(record, version, 24, "PARAMETER_CHANGE");
      return event_of(record, EventKind::parameter_change, load_le<std::uint32_t>(&data[20]),
                      high_low(load_le<std::uint32_t>(&data[0]), load_le<std::uint32_t>(&data[12])));
    }
    case kEndOfRecovery: {
      const ByteView data = main_data(record, version, 16, "END_OF_RECOVERY");
      return event_of(record, EventKind::end_of_recovery, load_le<std::uint32_t>(&data[8]),
                      load_le<std::uint32_t>(&data[12]));
    }
    case kOverwriteContinuation: {
      const ByteView data = main_data(record, version, 8, "OVERWRITE_CONTRECORD");
      return event_of(record, EventKind::overwrite_continuation, load_le<std::uint64_t>(&data[0]));
    }
    default:
      return std::nullopt;
  }
}

// standbydefs.h xl_running_xacts: xcnt 0, subxcnt 4, subxid_overflow 8, nextXid 12, oldestRunningXid 16
Event running_transactions(const RecordView& record, const VersionTraits& version) {
  const ByteView data = main_data(record, version, 20, "RUNNING_XACTS");
  return event_of(record, EventKind::running_transactions, data[8] != 0 ? 1 : 0,
                  high_low(load_le<std::uint32_t>(&data[12]), load_le<std::uint32_t>(&data[16])));
}

RestorePoint restore_point(const RecordView& record, const VersionTraits& version) {
  const ByteView data = main_data(record, version, 8, "RESTORE_POINT");
  const std::string_view name = as_text(data.subspan(8));
  return {record.start, record.end, Instant::from_postgres(load_le<std::int64_t>(&data[0])),
          std::string(name.substr(0, name.find('\0')))};
}

void note_time(WalIndex& index, Instant time) {
  index.earliest = index.earliest ? std::min(*index.earliest, time) : time;
  index.latest = index.latest ? std::max(*index.latest, time) : time;
}

void add_transaction(WalIndex& index, const RecordView& record, const VersionTraits& version) {
  if (const auto end = parse_transaction_end(record, version)) {
    index.ends.push_back({record.start, record.end, end->time, end->xid, end->kind});
    note_time(index, end->time);
  } else if (auto prepare = parse_prepare(record, version)) {
    index.prepares.push_back(
        {record.start, record.end, prepare->time, prepare->xid, std::move(prepare->gid)});
  }
}

// Moves what ends behind `end` to the result; both parts stay in order.
template <typename Item>
std::vector<Item> split_off(std::vector<Item>& items, Lsn end) {
  const auto at =
      std::partition_point(items.begin(), items.end(), [&](const Item& item) { return item.end <= end; });
  std::vector<Item> rest(std::make_move_iterator(at), std::make_move_iterator(items.end()));
  items.erase(at, items.end());
  return rest;
}

void forget_records(WalIndex& index) {
  index.first_record = index.last_record = index.last_record_end = Lsn();
  index.record_count = 0;
}

void count_record(WalIndex& index, Lsn start, Lsn end) {
  if (index.record_count == 0) index.first_record = start;
  index.last_record = start;
  index.last_record_end = end;
  ++index.record_count;
}

}  // namespace

IndexBuilder::IndexBuilder(TimelineId timeline, Lsn start) {
  open_.timeline = timeline;
  open_.start = open_.end = start;
}

void IndexBuilder::add(const RecordView& record, const VersionTraits& version) {
  if (record.end <= record.start || record.start < last_end_) {
    throw Error(ErrorKind::internal,
                fmt::format("WAL record at {} was indexed out of order", record.start.to_string()));
  }
  if (record.rmid == kTransactionRecords) {
    add_transaction(open_, record, version);
  } else if (record.rmid == kXlogRecords) {
    if (record.operation() == kRestorePoint) open_.restore_points.push_back(restore_point(record, version));
    if (const auto event = xlog_event(record, version)) open_.events.push_back(*event);
  } else if (record.rmid == kStandbyRecords && record.operation() == kRunningTransactions) {
    open_.events.push_back(running_transactions(record, version));
  }
  ByteWriter writer(extents_);
  if (open_.record_count == 0) extents_base_ = record.start;
  writer.varint(record.start - (open_.record_count == 0 ? extents_base_ : last_end_));
  writer.varint(record.end - record.start);
  last_end_ = record.end;
  count_record(open_, record.start, record.end);
  open_.end = std::max(open_.end, record.end);
}

// Counts the records of `extents_` anew on both sides of the cut.
void IndexBuilder::split_records(WalIndex& before, WalIndex& after, Lsn end) {
  forget_records(before);
  forget_records(after);
  ByteReader reader(extents_, "record extents");
  Lsn at = extents_base_;
  Bytes rest;
  ByteWriter writer(rest);
  while (!reader.at_end()) {
    const Lsn start = at + reader.varint();
    const Lsn record_end = start + reader.varint();
    if (record_end <= end) {
      count_record(before, start, record_end);
    } else {
      if (after.record_count == 0) extents_base_ = start;
      writer.varint(after.record_count == 0 ? 0 : start - at);
      writer.varint(record_end - start);
      count_record(after, start, record_end);
    }
    at = record_end;
  }
  extents_ = std::move(rest);
}

WalIndex IndexBuilder::cut(Lsn end, Lsn unfinished) {
  if (end < open_.start) {
    throw Error(ErrorKind::internal, fmt::format("WAL index that begins at {} was cut at {}",
                                                 open_.start.to_string(), end.to_string()));
  }
  WalIndex rest;
  rest.timeline = open_.timeline;
  rest.start = end;
  rest.end = std::max(end, open_.last_record_end);
  if (open_.last_record_end <= end) {
    extents_.clear();
  } else {
    rest.ends = split_off(open_.ends, end);
    rest.prepares = split_off(open_.prepares, end);
    rest.restore_points = split_off(open_.restore_points, end);
    rest.events = split_off(open_.events, end);
    split_records(open_, rest, end);
    for (WalIndex* side : {&open_, &rest}) {
      side->earliest = side->latest = std::nullopt;
      for (const TransactionEnd& transaction : side->ends) note_time(*side, transaction.time);
    }
  }
  open_.end = end;
  open_.unfinished = unfinished;
  std::swap(open_, rest);
  return rest;
}

}  // namespace tidemark::wal
