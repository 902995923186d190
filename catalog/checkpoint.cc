#include "catalog/checkpoint.h"

#include <fmt/format.h>

#include <functional>

#include "catalog/fields.h"
#include "catalog/records.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

constexpr RecordLayout kCheckpoint{"TMcp", "checkpoint", 1};

enum Tag : std::uint64_t {
  kFacts = 1,
  kHistory = 2,
  kWal = 3,
  kBackup = 4,
  kBegunBackup = 5,
  kIdleProofs = 6,
  kAcknowledgedGaps = 7,
  kKeepUntil = 8,
  kVerifiedAt = 9,
  kTails = 10,
  kPositions = 11,
};

class Writer {
 public:
  explicit Writer(Bytes& to) : records_(to, kCheckpoint) {}

  // One record that holds one value.
  template <typename Fill>
  void record(std::uint64_t tag, Fill fill) {
    body_.clear();
    ByteWriter writer(body_);
    fill(writer);
    records_.add(tag, Presence::critical, body_);
  }
  // One record that holds a count and the items.
  template <typename Items, typename Write>
  void list(std::uint64_t tag, const Items& items, Write write) {
    record(tag, [&](ByteWriter& writer) {
      writer.varint(items.size());
      for (const auto& item : items) write(writer, item);
    });
  }
  void end() { records_.end(); }

 private:
  RecordWriter records_;
  Bytes body_;
};

template <typename Read>
void read_list(ByteReader& reader, std::size_t minimum_bytes, Read read) {
  for (std::size_t left = reader.count(minimum_bytes); left > 0; --left) read(reader);
}

void write_facts(ByteWriter& writer, const Checkpoint& checkpoint) {
  const Incarnation& incarnation = checkpoint.inventory.incarnation;
  write_instant(writer, checkpoint.time);
  writer.text(incarnation.cluster);
  writer.varint(static_cast<std::uint64_t>(incarnation.major));
  writer.fixed(incarnation.system_id.value());
  writer.varint(checkpoint.inventory.segment_size.bytes());
  writer.text(checkpoint.last_backup.to_string());
  write_instant(writer, checkpoint.last_mark);
}

void read_facts(ByteReader& reader, Checkpoint& checkpoint) {
  Incarnation& incarnation = checkpoint.inventory.incarnation;
  checkpoint.time = read_instant(reader);
  incarnation.cluster = reader.text();
  incarnation.major = read_number<int>(reader);
  incarnation.system_id = SystemId(reader.fixed<std::uint64_t>());
  const std::uint64_t segment_bytes = reader.varint();
  const auto size = wal::SegmentSize::from_bytes(segment_bytes);
  if (!size) throw_out_of_range(segment_bytes);
  checkpoint.inventory.segment_size = *size;
  checkpoint.last_backup = read_optional_backup_id(reader).value_or(BackupId());
  checkpoint.last_mark = read_instant(reader);
}

void write_stretch(ByteWriter& writer, const WalStretch& stretch) {
  write_timeline(writer, stretch.timeline);
  write_lsn(writer, stretch.start);
  writer.varint(stretch.end - stretch.start);
  writer.fixed(static_cast<Byte>(stretch.summarized ? 1 : 0));
  write_optional_instant(writer, stretch.earliest);
  write_optional_instant(writer, stretch.latest);
  writer.varint(stretch.stored_bytes);
}

WalStretch read_stretch(ByteReader& reader) {
  WalStretch stretch;
  stretch.timeline = read_timeline(reader);
  stretch.start = read_lsn(reader);
  stretch.end = stretch.start + reader.varint();
  stretch.summarized = read_flag(reader);
  stretch.earliest = read_optional_instant(reader);
  stretch.latest = read_optional_instant(reader);
  stretch.stored_bytes = reader.varint();
  return stretch;
}

// Everything that reads stretches relies on their order.
void check_wal(const std::vector<WalStretch>& wal) {
  for (std::size_t i = 0; i < wal.size(); ++i) {
    const bool ordered = i == 0 || wal[i - 1].timeline < wal[i].timeline ||
                         (wal[i - 1].timeline == wal[i].timeline && wal[i - 1].end <= wal[i].start);
    if (ordered && wal[i].start < wal[i].end) continue;
    throw Error(ErrorKind::corrupt, fmt::format("a checkpoint's WAL is out of order at {} of timeline {}",
                                                wal[i].start.to_string(), wal[i].timeline.value()));
  }
}

void write_tail(ByteWriter& writer, const std::pair<const TimelineId, Inventory::TailFacts>& tail) {
  write_timeline(writer, tail.first);
  write_lsn(writer, tail.second.last_record);
  write_lsn(writer, tail.second.last_record_end);
  write_optional_instant(writer, tail.second.last_end_time);
}

void read_tail(ByteReader& reader, Inventory& inventory) {
  Inventory::TailFacts& tail = inventory.tails[read_timeline(reader)];
  tail.last_record = read_lsn(reader);
  tail.last_record_end = read_lsn(reader);
  tail.last_end_time = read_optional_instant(reader);
}

void write_moment(ByteWriter& writer, const std::pair<const BackupId, Instant>& moment) {
  write_backup_id(writer, moment.first);
  write_instant(writer, moment.second);
}

void read_moment(ByteReader& reader, std::map<BackupId, Instant>& moments) {
  const BackupId id = read_backup_id(reader);
  moments[id] = read_instant(reader);
}

void write_proof(ByteWriter& writer, const IdleProof& proof) {
  write_instant(writer, proof.time);
  write_lsn(writer, proof.lsn);
  write_timeline(writer, proof.timeline);
}

IdleProof read_proof(ByteReader& reader) {
  IdleProof proof;
  proof.time = read_instant(reader);
  proof.lsn = read_lsn(reader);
  proof.timeline = read_timeline(reader);
  return proof;
}

void write_gap(ByteWriter& writer, const AcknowledgedGap& gap) {
  write_timeline(writer, gap.timeline);
  write_lsn(writer, gap.from);
  write_lsn(writer, gap.to);
}

AcknowledgedGap read_gap(ByteReader& reader) {
  AcknowledgedGap gap;
  gap.timeline = read_timeline(reader);
  gap.from = read_lsn(reader);
  gap.to = read_lsn(reader);
  return gap;
}

void read_history(ByteReader& reader, Inventory& inventory) {
  const TimelineId timeline = read_timeline(reader);
  inventory.histories.insert_or_assign(timeline,
                                       wal::TimelineHistory::parse(timeline, as_text(reader.sized())));
}

bool read_record(std::uint64_t tag, ByteReader& body, Checkpoint& checkpoint) {
  Inventory& inventory = checkpoint.inventory;
  switch (tag) {
    case kFacts:
      read_facts(body, checkpoint);
      return true;
    case kHistory:
      read_history(body, inventory);
      return true;
    case kWal:
      read_list(body, 7, [&](ByteReader& from) { inventory.wal.push_back(read_stretch(from)); });
      return true;
    case kBackup:
      inventory.backups.push_back(read_backup_header(body));
      return true;
    case kBegunBackup:
      inventory.begun.push_back(read_begun(body));
      return true;
    case kIdleProofs:
      read_list(body, 3, [&](ByteReader& from) { inventory.idle_proofs.push_back(read_proof(from)); });
      return true;
    case kAcknowledgedGaps:
      read_list(body, 3, [&](ByteReader& from) { inventory.acknowledged_gaps.push_back(read_gap(from)); });
      return true;
    case kKeepUntil:
      read_list(body, 2, [&](ByteReader& from) { read_moment(from, inventory.keep_until); });
      return true;
    case kVerifiedAt:
      read_list(body, 2, [&](ByteReader& from) { read_moment(from, inventory.verified_at); });
      return true;
    case kTails:
      read_list(body, 4, [&](ByteReader& from) { read_tail(from, inventory); });
      return true;
    case kPositions:
      read_list(body, 2, [&](ByteReader& from) {
        const TimelineId timeline = read_timeline(from);
        checkpoint.wal_positions.push_back({timeline, from.text()});
      });
      return true;
    default:
      return false;
  }
}

}  // namespace

Bytes Checkpoint::serialize() const {
  Bytes bytes;
  Writer writer(bytes);
  writer.record(kFacts, [&](ByteWriter& to) { write_facts(to, *this); });
  for (const auto& [timeline, history] : inventory.histories) {
    writer.record(kHistory, [&, number = timeline, &lines = history](ByteWriter& to) {
      write_timeline(to, number);
      to.text(lines.render());
    });
  }
  writer.list(kWal, inventory.wal, write_stretch);
  for (const BackupHeader& header : inventory.backups) {
    writer.record(kBackup, [&](ByteWriter& to) { write_backup_header(to, header); });
  }
  for (const Begun& begun : inventory.begun) {
    writer.record(kBegunBackup, [&](ByteWriter& to) { write_begun(to, begun); });
  }
  writer.list(kIdleProofs, inventory.idle_proofs, write_proof);
  writer.list(kAcknowledgedGaps, inventory.acknowledged_gaps, write_gap);
  writer.list(kKeepUntil, inventory.keep_until, write_moment);
  writer.list(kVerifiedAt, inventory.verified_at, write_moment);
  writer.list(kTails, inventory.tails, write_tail);
  writer.list(kPositions, wal_positions, [](ByteWriter& to, const Position& position) {
    write_timeline(to, position.timeline);
    to.text(position.last_name);
  });
  writer.end();
  return bytes;
}

Checkpoint Checkpoint::parse(ByteView bytes) {
  RecordReader records(bytes, kCheckpoint);
  Checkpoint checkpoint;
  bool facts = false;
  while (const auto record = records.next()) {
    ByteReader body(record->body, kCheckpoint.what);
    facts |= record->tag == kFacts;
    if (!read_record(record->tag, body, checkpoint)) records.pass_unknown(*record);
  }
  if (!facts) throw Error(ErrorKind::corrupt, "a checkpoint does not say which cluster it stands for");
  check_wal(checkpoint.inventory.wal);
  return checkpoint;
}

}  // namespace tidemark::catalog
