#include "wal/index.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::wal {
namespace {

// version byte, then sections: varint (number << 1 | critical), varint length, body; numbers increase. An
// unknown section is skipped, an unknown critical one refused. Inside, positions and times are differences to
// the ones before.
constexpr Byte kFormat = 1;
constexpr std::string_view kWhat = "WAL index";

enum class Section : std::uint64_t { extent = 1, ends = 2, prepares = 3, restore_points = 4, events = 5 };
constexpr bool kCritical = true;

// Bits of the extent's flags.
constexpr std::uint64_t kHasRecords = 1;
constexpr std::uint64_t kHasUnfinished = 2;
constexpr std::uint64_t kHasTimes = 4;

[[noreturn]] void refuse(std::string_view why) {
  throw Error(ErrorKind::corrupt, fmt::format("{}: {}", kWhat, why));
}

// Differences wrap around 2^64 in both directions, so that every pair of values has one.
std::int64_t difference(std::uint64_t value, std::uint64_t from) {
  return static_cast<std::int64_t>(value - from);
}
std::uint64_t add(std::uint64_t from, std::int64_t difference) {
  return from + static_cast<std::uint64_t>(difference);
}

// Writes and reads what the items of all lists share: record extents, times and xids.
class DeltaWriter {
 public:
  DeltaWriter(ByteWriter& to, Lsn base) : to_(to), at_(base.value()) {}

  void extent(Lsn start, Lsn end) {
    to_.signed_varint(difference(start.value(), at_));
    to_.varint(end - start);
    at_ = end.value();
  }
  void time(Instant time) {
    const auto value = static_cast<std::uint64_t>(time.postgres_microseconds());
    to_.signed_varint(difference(value, time_));
    time_ = value;
  }
  void xid(std::uint32_t xid) {
    to_.signed_varint(static_cast<std::int32_t>(xid - xid_));
    xid_ = xid;
  }

 private:
  ByteWriter& to_;
  std::uint64_t at_;
  std::uint64_t time_ = 0;
  std::uint32_t xid_ = 0;
};

class DeltaReader {
 public:
  DeltaReader(ByteReader& from, Lsn base) : from_(from), at_(base.value()) {}

  void extent(Lsn& start, Lsn& end) {
    start = Lsn(add(at_, from_.signed_varint()));
    end = start + from_.varint();
    if (end < start) refuse(fmt::format("the record at {} has no end", start.to_string()));
    at_ = end.value();
  }
  Instant time() {
    time_ = add(time_, from_.signed_varint());
    return Instant::from_postgres(static_cast<std::int64_t>(time_));
  }
  std::uint32_t xid() {
    xid_ += static_cast<std::uint32_t>(from_.signed_varint());
    return xid_;
  }

 private:
  ByteReader& from_;
  std::uint64_t at_;
  std::uint64_t time_ = 0;
  std::uint32_t xid_ = 0;
};

bool has_records(const WalIndex& index) {
  return index.record_count != 0 || index.first_record.valid() || index.last_record.valid() ||
         index.last_record_end.valid();
}

void write_extent(ByteWriter& to, const WalIndex& index) {
  const std::uint64_t flags = (has_records(index) ? kHasRecords : 0) |
                              (index.unfinished.valid() ? kHasUnfinished : 0) |
                              (index.earliest && index.latest ? kHasTimes : 0);
  to.varint(flags);
  to.varint(index.start.value());
  to.varint(index.end.value());
  to.varint(index.timeline.value());
  if ((flags & kHasRecords) != 0) {
    to.varint(index.record_count);
    to.signed_varint(difference(index.first_record.value(), index.start.value()));
    to.signed_varint(difference(index.last_record.value(), index.end.value()));
    to.signed_varint(difference(index.last_record_end.value(), index.end.value()));
  }
  if ((flags & kHasUnfinished) != 0)
    to.signed_varint(difference(index.unfinished.value(), index.end.value()));
  if ((flags & kHasTimes) != 0) {
    DeltaWriter deltas(to, index.start);
    deltas.time(*index.earliest);
    deltas.time(*index.latest);
  }
}

std::uint32_t read_32_bits(ByteReader& from) {
  const std::uint64_t value = from.varint();
  if (value > 0xFFFF'FFFF) refuse(fmt::format("{} is no 32-bit number", value));
  return static_cast<std::uint32_t>(value);
}

void read_extent(ByteReader& from, WalIndex& index) {
  const std::uint64_t flags = from.varint();
  if (flags > (kHasRecords | kHasUnfinished | kHasTimes)) refuse(fmt::format("unknown flags {:x}", flags));
  index.start = Lsn(from.varint());
  index.end = Lsn(from.varint());
  if (index.end < index.start) refuse("it ends before it begins");
  index.timeline = TimelineId(read_32_bits(from));
  if ((flags & kHasRecords) != 0) {
    index.record_count = from.varint();
    index.first_record = Lsn(add(index.start.value(), from.signed_varint()));
    index.last_record = Lsn(add(index.end.value(), from.signed_varint()));
    index.last_record_end = Lsn(add(index.end.value(), from.signed_varint()));
    if (!has_records(index)) refuse("it announces records and has none");
  }
  if ((flags & kHasUnfinished) != 0) {
    index.unfinished = Lsn(add(index.end.value(), from.signed_varint()));
    if (!index.unfinished.valid()) refuse("it announces an unfinished record and has none");
  }
  if ((flags & kHasTimes) != 0) {
    DeltaReader deltas(from, index.start);
    index.earliest = deltas.time();
    index.latest = deltas.time();
  }
}

void write_item(ByteWriter& to, DeltaWriter& deltas, const TransactionEnd& item) {
  deltas.extent(item.start, item.end);
  to.varint(static_cast<std::uint8_t>(item.kind));
  deltas.time(item.time);
  deltas.xid(item.xid);
}

void read_item(ByteReader& from, DeltaReader& deltas, TransactionEnd& item) {
  deltas.extent(item.start, item.end);
  const std::uint64_t kind = from.varint();
  if (kind > static_cast<std::uint64_t>(EndKind::abort_prepared))
    refuse(fmt::format("unknown transaction end {}", kind));
  item.kind = static_cast<EndKind>(kind);
  item.time = deltas.time();
  item.xid = deltas.xid();
}

void write_item(ByteWriter& to, DeltaWriter& deltas, const Prepare& item) {
  deltas.extent(item.start, item.end);
  deltas.time(item.time);
  deltas.xid(item.xid);
  to.text(item.gid);
}

void read_item(ByteReader& from, DeltaReader& deltas, Prepare& item) {
  deltas.extent(item.start, item.end);
  item.time = deltas.time();
  item.xid = deltas.xid();
  item.gid = from.text();
}

void write_item(ByteWriter& to, DeltaWriter& deltas, const RestorePoint& item) {
  deltas.extent(item.start, item.end);
  deltas.time(item.time);
  to.text(item.name);
}

void read_item(ByteReader& from, DeltaReader& deltas, RestorePoint& item) {
  deltas.extent(item.start, item.end);
  item.time = deltas.time();
  item.name = from.text();
}

void write_item(ByteWriter& to, DeltaWriter& deltas, const Event& item) {
  deltas.extent(item.start, item.end);
  to.varint(static_cast<std::uint8_t>(item.kind));
  to.varint(item.a);
  to.varint(item.b);
}

void read_item(ByteReader& from, DeltaReader& deltas, Event& item) {
  deltas.extent(item.start, item.end);
  const std::uint64_t kind = from.varint();
  if (kind < static_cast<std::uint64_t>(EventKind::checkpoint_shutdown) ||
      kind > static_cast<std::uint64_t>(EventKind::running_transactions)) {
    refuse(fmt::format("unknown event {}", kind));
  }
  item.kind = static_cast<EventKind>(kind);
  item.a = from.varint();
  item.b = from.varint();
}

void write_section(ByteWriter& to, Section section, const Bytes& body) {
  to.varint(static_cast<std::uint64_t>(section) << 1 | (kCritical ? 1 : 0));
  to.sized(body);
}

template <typename Item>
void write_list(ByteWriter& to, Section section, const std::vector<Item>& items, Lsn base) {
  if (items.empty()) return;
  Bytes body;
  ByteWriter writer(body);
  DeltaWriter deltas(writer, base);
  writer.varint(items.size());
  for (const Item& item : items) write_item(writer, deltas, item);
  write_section(to, section, body);
}

template <typename Item>
void read_list(ByteReader& from, std::vector<Item>& items, Lsn base) {
  constexpr std::size_t kMinimumItemBytes = 4;
  const std::size_t count = from.count(kMinimumItemBytes);
  DeltaReader deltas(from, base);
  items.reserve(std::min<std::size_t>(count, 65536));
  for (std::size_t i = 0; i < count; ++i) {
    Item item{};
    read_item(from, deltas, item);
    items.push_back(std::move(item));
  }
}

void read_section(Section section, ByteReader& from, WalIndex& index) {
  switch (section) {
    case Section::extent:
      return read_extent(from, index);
    case Section::ends:
      return read_list(from, index.ends, index.start);
    case Section::prepares:
      return read_list(from, index.prepares, index.start);
    case Section::restore_points:
      return read_list(from, index.restore_points, index.start);
    case Section::events:
      return read_list(from, index.events, index.start);
  }
}

bool known(std::uint64_t number) {
  return number >= static_cast<std::uint64_t>(Section::extent) &&
         number <= static_cast<std::uint64_t>(Section::events);
}

template <typename Item>
void append_list(std::vector<Item>& to, const std::vector<Item>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

Bytes WalIndex::serialize() const {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.fixed(kFormat);
  Bytes body;
  ByteWriter extent(body);
  write_extent(extent, *this);
  write_section(writer, Section::extent, body);
  write_list(writer, Section::ends, ends, start);
  write_list(writer, Section::prepares, prepares, start);
  write_list(writer, Section::restore_points, restore_points, start);
  write_list(writer, Section::events, events, start);
  return bytes;
}

WalIndex WalIndex::parse(ByteView bytes) {
  ByteReader reader(bytes, kWhat);
  const auto format = reader.fixed<Byte>();
  if (format != kFormat) refuse(fmt::format("format {} is not known here", format));
  WalIndex index;
  std::uint64_t last = 0;
  while (!reader.at_end()) {
    const std::uint64_t tag = reader.varint();
    const std::uint64_t number = tag >> 1;
    ByteReader body(reader.sized(), kWhat);
    if (number <= last) refuse(fmt::format("section {} comes behind section {}", number, last));
    // Everything is counted from the extent.
    if (last == 0 && number != static_cast<std::uint64_t>(Section::extent))
      refuse("it does not say what it covers");
    last = number;
    if (known(number)) {
      read_section(static_cast<Section>(number), body, index);
      if (!body.at_end()) refuse(fmt::format("section {} has {} bytes too many", number, body.left()));
    } else if ((tag & 1) != 0) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: section {} is needed and not known here", kWhat, number))
          .hint("use the version of tidemark that wrote it, or a newer one");
    }
  }
  if (last == 0) refuse("it does not say what it covers");
  return index;
}

void WalIndex::append(const WalIndex& next) {
  if (next.start != end || next.timeline < timeline) {
    throw Error(
        ErrorKind::internal,
        fmt::format("the WAL index from {} on timeline {} does not continue the one up to {} on timeline {}",
                    next.start.to_string(), next.timeline.value(), end.to_string(), timeline.value()));
  }
  timeline = next.timeline;
  end = next.end;
  unfinished = next.unfinished;
  if (next.record_count != 0) {
    if (record_count == 0) first_record = next.first_record;
    last_record = next.last_record;
    last_record_end = next.last_record_end;
    record_count += next.record_count;
  }
  if (next.earliest) earliest = earliest ? std::min(*earliest, *next.earliest) : next.earliest;
  if (next.latest) latest = latest ? std::max(*latest, *next.latest) : next.latest;
  append_list(ends, next.ends);
  append_list(prepares, next.prepares);
  append_list(restore_points, next.restore_points);
  append_list(events, next.events);
}

}  // namespace tidemark::wal
