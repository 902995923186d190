#include "harness/wal_writer.h"

#include <algorithm>
#include <random>
#include <stdexcept>

#include "wal/page.h"
#include "wal/record.h"

namespace tidemark::test {
namespace {

constexpr std::size_t kPageBytes = wal::kDefaultPageBytes;
constexpr std::uint8_t kHasXinfo = 0x80;
constexpr std::uint8_t kHeapRecords = 10;
constexpr std::uint8_t kMessageRecords = 21;

const wal::VersionTraits& traits_of(int major) {
  const wal::VersionTraits* version = wal::version_of_major(major);
  if (version == nullptr) throw std::invalid_argument("no such major version");
  return *version;
}

void terminated(ByteWriter& to, std::string_view text) {
  to.bytes(as_bytes(text));
  to.fixed<Byte>(0);
}

void zeros(ByteWriter& to, std::size_t count) {
  const Bytes none(count);
  to.bytes(none);
}

void main_header(ByteWriter& to, std::size_t bytes) {
  if (bytes < 256) {
    to.fixed<Byte>(255);
    to.fixed(static_cast<Byte>(bytes));
  } else {
    to.fixed<Byte>(254);
    to.fixed(static_cast<std::uint32_t>(bytes));
  }
}

}  // namespace

WalWriter::WalWriter(const WalWriterOptions& options)
    : options_(options),
      version_(traits_of(options.major)),
      start_(options.start.value_or(Lsn(options.segment_size.bytes()))),
      previous_(options.previous) {
  if (start_.value() % kPageBytes != 0) throw std::invalid_argument("WAL is written from a page boundary on");
}

std::size_t WalWriter::page_left() const { return (kPageBytes - end().value() % kPageBytes) % kPageBytes; }

void WalWriter::begin_page(std::uint16_t flags, std::uint32_t remaining) {
  const Lsn address = end();
  const bool long_header = address.value() % options_.segment_size.bytes() == 0;
  ByteWriter writer(bytes_);
  writer.fixed(version_.page_magic);
  const auto long_flag = long_header ? wal::kLongHeader : std::uint16_t{0};
  writer.fixed(static_cast<std::uint16_t>(flags | wal::kBackupRemovable | long_flag));
  writer.fixed(options_.timeline.value());
  writer.fixed(address.value());
  writer.fixed(remaining);
  writer.fixed<std::uint32_t>(0);
  if (!long_header) return;
  writer.fixed(options_.system_id.value());
  writer.fixed(options_.segment_size.bytes());
  writer.fixed(static_cast<std::uint32_t>(kPageBytes));
}

void WalWriter::put(ByteView bytes) {
  while (!bytes.empty()) {
    if (page_left() == 0) begin_page(wal::kFirstIsContinuation, static_cast<std::uint32_t>(bytes.size()));
    const std::size_t taken = std::min(bytes.size(), page_left());
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
    bytes = bytes.subspan(taken);
  }
}

Bytes WalWriter::render(std::uint8_t rmid, std::uint8_t info, std::uint32_t xid, ByteView body) const {
  Bytes record;
  record.reserve(wal::kRecordHeaderBytes + body.size());
  ByteWriter writer(record);
  writer.fixed(static_cast<std::uint32_t>(wal::kRecordHeaderBytes + body.size()));
  writer.fixed(xid);
  writer.fixed(previous_.value());
  writer.fixed(info);
  writer.fixed(rmid);
  writer.fixed<std::uint16_t>(0);
  writer.fixed<std::uint32_t>(0);
  writer.bytes(body);
  store_le(&record[20], wal::record_crc(record));
  return record;
}

Lsn WalWriter::next_start() {
  if (page_left() == 0) begin_page(0, 0);
  return end();
}

WrittenRecord WalWriter::end_record(Lsn start) {
  bytes_.resize((bytes_.size() + 7) / 8 * 8);
  previous_ = start;
  return {start, end()};
}

WrittenRecord WalWriter::record(std::uint8_t rmid, std::uint8_t info, std::uint32_t xid, ByteView body) {
  const Lsn start = next_start();
  put(render(rmid, info, xid, body));
  return end_record(start);
}

WrittenRecord WalWriter::main_data_record(std::uint8_t rmid, std::uint8_t info, std::uint32_t xid,
                                          ByteView main_data) {
  Bytes body;
  ByteWriter writer(body);
  if (!main_data.empty()) main_header(writer, main_data.size());
  writer.bytes(main_data);
  return record(rmid, info, xid, body);
}

WrittenRecord WalWriter::transaction_end(std::uint8_t operation, std::uint32_t xid, Instant time,
                                         std::string_view gid) {
  const bool prepared = operation == 0x30 || operation == 0x40;
  Bytes data;
  ByteWriter writer(data);
  writer.fixed(time.postgres_microseconds());
  if (prepared) {
    writer.fixed<std::uint32_t>(0x10 | (gid.empty() ? 0 : 0x80));
    writer.fixed(xid);
    if (!gid.empty()) terminated(writer, gid);
  }
  return main_data_record(wal::kTransactionRecords, prepared ? operation | kHasXinfo : operation,
                          prepared ? 0 : xid, data);
}

WrittenRecord WalWriter::commit(std::uint32_t xid, Instant time) {
  return transaction_end(0x00, xid, time, {});
}
WrittenRecord WalWriter::abort(std::uint32_t xid, Instant time) {
  return transaction_end(0x20, xid, time, {});
}
WrittenRecord WalWriter::commit_prepared(std::uint32_t xid, Instant time, std::string_view gid) {
  return transaction_end(0x30, xid, time, gid);
}
WrittenRecord WalWriter::abort_prepared(std::uint32_t xid, Instant time, std::string_view gid) {
  return transaction_end(0x40, xid, time, gid);
}

WrittenRecord WalWriter::prepare(std::uint32_t xid, Instant time, std::string_view gid) {
  Bytes data;
  ByteWriter writer(data);
  writer.fixed<std::uint32_t>(0x57F94534);
  writer.fixed<std::uint32_t>(0);
  writer.fixed(xid);
  writer.fixed<std::uint32_t>(5);
  writer.fixed(time.postgres_microseconds());
  zeros(writer, version_.prepare_gid_offset - writer.size());
  writer.fixed(static_cast<std::uint16_t>(gid.size() + 1));
  zeros(writer, 16);
  terminated(writer, gid);
  zeros(writer, 7 - (data.size() + 7) % 8);
  return main_data_record(wal::kTransactionRecords, wal::kTransactionPrepare, xid, data);
}

WrittenRecord WalWriter::full_commit(std::uint32_t xid, Instant time) {
  const bool statistics = options_.major >= 15;
  Bytes data;
  ByteWriter writer(data);
  writer.fixed(time.postgres_microseconds());
  writer.fixed<std::uint32_t>(0x01 | 0x02 | 0x04 | 0x08 | 0x20 | (statistics ? 0x100 : 0));
  zeros(writer, 8);
  writer.fixed<std::uint32_t>(3);
  zeros(writer, std::size_t{3} * 4);
  writer.fixed<std::uint32_t>(2);
  zeros(writer, std::size_t{2} * 12);
  if (statistics) {
    writer.fixed<std::uint32_t>(2);
    zeros(writer, std::size_t{2} * (options_.major >= 18 ? 16 : 12));
  }
  writer.fixed<std::uint32_t>(4);
  zeros(writer, std::size_t{4} * 16);
  zeros(writer, 16);
  Bytes body;
  ByteWriter parts(body);
  parts.fixed<Byte>(253);
  parts.fixed<std::uint16_t>(7);
  main_header(parts, data.size());
  parts.bytes(data);
  return record(wal::kTransactionRecords, kHasXinfo, xid, body);
}

WrittenRecord WalWriter::restore_point(Instant time, std::string_view name) {
  Bytes data(72);
  store_le(data.data(), time.postgres_microseconds());
  std::copy_n(name.begin(), std::min<std::size_t>(name.size(), 63), data.begin() + 8);
  return main_data_record(wal::kXlogRecords, wal::kRestorePoint, 0, data);
}

WrittenRecord WalWriter::checkpoint(bool online, std::uint64_t next_xid, Lsn redo) {
  Bytes data(88);
  store_le(&data[0], redo.value());
  store_le(&data[8], options_.timeline.value());
  store_le(&data[12], options_.timeline.value());
  store_le(&data[24], next_xid);
  return main_data_record(wal::kXlogRecords, online ? wal::kCheckpointOnline : wal::kCheckpointShutdown, 0,
                          data);
}

WrittenRecord WalWriter::backup_end(Lsn backup_start) {
  Bytes data(8);
  store_le(&data[0], backup_start.value());
  return main_data_record(wal::kXlogRecords, wal::kBackupEnd, 0, data);
}

WrittenRecord WalWriter::parameter_change(std::uint32_t wal_level, std::uint32_t max_connections,
                                          std::uint32_t max_prepared_transactions) {
  Bytes data(28);
  store_le(&data[0], max_connections);
  store_le(&data[12], max_prepared_transactions);
  store_le(&data[20], wal_level);
  return main_data_record(wal::kXlogRecords, wal::kParameterChange, 0, data);
}

WrittenRecord WalWriter::end_of_recovery(TimelineId now, TimelineId before, Instant time) {
  Bytes data(options_.major >= 17 ? 24 : 16);
  store_le(&data[0], time.postgres_microseconds());
  store_le(&data[8], now.value());
  store_le(&data[12], before.value());
  return main_data_record(wal::kXlogRecords, wal::kEndOfRecovery, 0, data);
}

WrittenRecord WalWriter::running_transactions(std::uint32_t next_xid, std::uint32_t oldest_running_xid,
                                              bool overflowed) {
  Bytes data(24);
  data[8] = overflowed ? 1 : 0;
  store_le(&data[12], next_xid);
  store_le(&data[16], oldest_running_xid);
  return main_data_record(wal::kStandbyRecords, wal::kRunningTransactions, 0, data);
}

WrittenRecord WalWriter::insert(std::uint32_t xid, std::uint32_t relation, std::uint32_t block,
                                std::size_t data_bytes, bool image) {
  constexpr std::uint16_t kImageBytes = 6000;
  Bytes body;
  ByteWriter writer(body);
  writer.fixed<Byte>(0);
  writer.fixed(static_cast<Byte>((image ? 0x10 : 0) | (data_bytes != 0 ? 0x20 : 0)));
  writer.fixed(static_cast<std::uint16_t>(data_bytes));
  if (image) {
    writer.fixed(kImageBytes);
    writer.fixed<std::uint16_t>(100);
    writer.fixed(static_cast<Byte>(0x01 | version_.image_apply_bit));
  }
  writer.fixed<std::uint32_t>(1663);
  writer.fixed<std::uint32_t>(5);
  writer.fixed(relation);
  writer.fixed(block);
  main_header(writer, 3);
  if (image) writer.bytes(Bytes(kImageBytes, static_cast<Byte>(block)));
  writer.bytes(Bytes(data_bytes, static_cast<Byte>(xid)));
  writer.bytes(Bytes{1, 0, 0});
  return record(kHeapRecords, 0x00, xid, body);
}

WrittenRecord WalWriter::message(std::uint32_t xid, std::size_t bytes) {
  Bytes data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<Byte>(i * 31 + xid);
  return main_data_record(kMessageRecords, 0x00, xid, data);
}

WrittenRecord WalWriter::segment_switch() {
  const WrittenRecord written = record(wal::kXlogRecords, wal::kSegmentSwitch, 0, {});
  const std::size_t over = end().value() % options_.segment_size.bytes();
  if (over != 0) bytes_.resize(bytes_.size() + options_.segment_size.bytes() - over);
  return written;
}

WrittenRecord WalWriter::broken_record(std::size_t bytes, std::size_t written) {
  broken_ = next_start();
  const Bytes lost = render(kMessageRecords, 0x00, 3, Bytes(bytes - wal::kRecordHeaderBytes, 0x55));
  if (written >= lost.size()) throw std::invalid_argument("the record would not break");
  // Written whole first, so that the page headers inside announce what was to come.
  const std::size_t kept = bytes_.size();
  put(lost);
  const std::size_t page_end = (kept + written + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (page_end >= bytes_.size())
    throw std::invalid_argument("the record ends on the page where it should break");
  bytes_.resize(page_end);
  begin_page(wal::kFirstIsOverwriteContinuation, 0);
  const Lsn start = end();
  Bytes data(16);
  store_le(&data[0], broken_.value());
  Bytes body;
  ByteWriter writer(body);
  main_header(writer, data.size());
  writer.bytes(data);
  put(render(wal::kXlogRecords, wal::kOverwriteContinuation, 0, body));
  return end_record(start);
}

Bytes WalWriter::segment(wal::SegmentNo segment) const {
  const Lsn begin = segment.start(options_.segment_size);
  if (begin < start_) throw std::invalid_argument("the segment begins before the WAL");
  Bytes file(options_.segment_size.bytes());
  if (begin < end()) {
    const ByteView held = from(begin);
    std::copy_n(held.begin(), std::min(held.size(), file.size()), file.begin());
  }
  return file;
}

wal::DecoderOptions WalWriter::decoder_options() const {
  return {.segment_size = options_.segment_size,
          .timeline = options_.timeline,
          .system_id = options_.system_id,
          .major = options_.major};
}

void write_load(WalWriter& writer, std::size_t bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto draw = [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
  const Lsn limit = writer.end() + bytes;
  Instant time = Instant::from_unix(1'800'000'000'000'000);
  for (std::uint32_t xid = 1000; writer.end() < limit; ++xid) {
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t relation = 16384 + draw(4);
      const std::uint32_t block = draw(1000);
      const std::uint32_t data_bytes = 20 + draw(120);
      writer.insert(xid, relation, block, data_bytes, draw(64) == 0);
    }
    // Concurrent backends stamp before they write: a time may be below the one before.
    const Instant stamped = time - Microseconds(draw(50) == 0 ? 300 : 0);
    time = time + Microseconds(draw(400));
    const std::uint32_t choice = draw(1000);
    if (choice < 20) {
      writer.abort(xid, stamped);
    } else if (choice < 30) {
      writer.prepare(xid, stamped, "g" + std::to_string(xid));
      writer.commit_prepared(xid, stamped + Microseconds(5), "g" + std::to_string(xid));
    } else if (choice < 35) {
      writer.full_commit(xid, stamped);
    } else {
      writer.commit(xid, stamped);
    }
    if (choice == 100) writer.restore_point(time, "point " + std::to_string(xid));
    if (choice == 101) writer.running_transactions(xid + 1, xid - 5, xid % 2 == 0);
    if (choice == 102) writer.checkpoint(true, std::uint64_t{xid} + 1, writer.last_record());
  }
}

}  // namespace tidemark::test
