#include "wal/index_builder.h"

#include <gtest/gtest.h>

#include "harness/wal_writer.h"
#include "tidemark/error.h"
#include "unit/wal/decoding.h"

namespace tidemark::wal {
namespace {

using test::WalWriter;

const Instant kTime = Instant::from_unix(1'800'000'000'000'000);

RecordView view(const KeptRecord& record) {
  return {record.start, record.end, record.previous, record.xid, record.info, record.rmid, record.bytes};
}

std::vector<KeptRecord> records_of(const WalWriter& writer) {
  return decode(writer.decoder_options(), writer.start(), writer.bytes()).records;
}

WalIndex index_of(const WalWriter& writer) {
  IndexBuilder builder(writer.options().timeline, writer.start());
  for (const KeptRecord& record : records_of(writer)) {
    builder.add(view(record), *version_of_major(writer.options().major));
  }
  return builder.cut(writer.end(), Lsn());
}

TEST(IndexBuilder, GathersEveryKindOfTransactionEnd) {
  for (const VersionTraits& version : all_versions()) {
    WalWriter writer({.major = version.major});
    const auto insert = writer.insert(5, 16384, 1, 10);
    const auto commit = writer.commit(5, kTime);
    const auto abort = writer.abort(6, kTime - Microseconds(2));
    const auto prepare = writer.prepare(7, kTime, "gid");
    const auto committed = writer.commit_prepared(7, kTime + Microseconds(9), "gid");
    const auto aborted = writer.abort_prepared(8, kTime, "");
    const auto point = writer.restore_point(kTime, "before_release");
    const WalIndex index = index_of(writer);
    EXPECT_EQ(index.start, writer.start());
    EXPECT_EQ(index.end, writer.end());
    EXPECT_EQ(index.first_record, insert.start);
    EXPECT_EQ(index.last_record, point.start);
    EXPECT_EQ(index.last_record_end, point.end);
    EXPECT_EQ(index.record_count, 7U);
    EXPECT_EQ(index.earliest, kTime - Microseconds(2));
    EXPECT_EQ(index.latest, kTime + Microseconds(9));
    const std::vector<TransactionEnd> ends = {
        {commit.start, commit.end, kTime, 5, EndKind::commit},
        {abort.start, abort.end, kTime - Microseconds(2), 6, EndKind::abort},
        {committed.start, committed.end, kTime + Microseconds(9), 7, EndKind::commit_prepared},
        {aborted.start, aborted.end, kTime, 8, EndKind::abort_prepared}};
    EXPECT_EQ(index.ends, ends);
    EXPECT_TRUE(index.ends[2].committed());
    EXPECT_FALSE(index.ends[3].committed());
    EXPECT_EQ(index.prepares, (std::vector<Prepare>{{prepare.start, prepare.end, kTime, 7, "gid"}}));
    EXPECT_EQ(index.restore_points,
              (std::vector<RestorePoint>{{point.start, point.end, kTime, "before_release"}}));
    EXPECT_TRUE(index.events.empty());
  }
}

TEST(IndexBuilder, GathersEveryEvent) {
  WalWriter writer({.major = 17});
  const auto event = [](const test::WrittenRecord& at, EventKind kind, std::uint64_t a = 0,
                        std::uint64_t b = 0) {
    return Event{at.start, at.end, kind, a, b};
  };
  std::vector<Event> expected;
  expected.push_back(event(writer.checkpoint(false, 0x3'0000'0005, Lsn(0x1000028)),
                           EventKind::checkpoint_shutdown, 0x3'0000'0005, 0x1000028));
  expected.push_back(
      event(writer.checkpoint(true, 9, Lsn(0x1000040)), EventKind::checkpoint_online, 9, 0x1000040));
  expected.push_back(event(writer.backup_end(Lsn(0x1000028)), EventKind::backup_end, 0x1000028));
  expected.push_back(event(writer.parameter_change(1, 100, 7), EventKind::parameter_change, 1,
                           (std::uint64_t{100} << 32) + 7));
  expected.push_back(
      event(writer.end_of_recovery(TimelineId(4), TimelineId(3), kTime), EventKind::end_of_recovery, 4, 3));
  expected.push_back(event(writer.running_transactions(70, 60, true), EventKind::running_transactions, 1,
                           (std::uint64_t{70} << 32) + 60));
  expected.push_back(event(writer.running_transactions(71, 61, false), EventKind::running_transactions, 0,
                           (std::uint64_t{71} << 32) + 61));
  const auto overwriting = writer.broken_record(20000, 100);
  expected.push_back(event(overwriting, EventKind::overwrite_continuation, writer.broken_record().value()));
  expected.push_back(event(writer.segment_switch(), EventKind::segment_switch));
  EXPECT_EQ(index_of(writer).events, expected);
}

TEST(IndexBuilder, ReadsNoEventFromACutOffRecord) {
  WalWriter writer;
  writer.main_data_record(kXlogRecords, kCheckpointOnline, 0, Bytes(20));
  IndexBuilder builder(TimelineId(1), writer.start());
  EXPECT_THROW(builder.add(view(records_of(writer)[0]), *version_of_major(15)), Error);
}

TEST(IndexBuilder, RefusesRecordsOutOfOrder) {
  WalWriter writer;
  writer.commit(1, kTime);
  writer.commit(2, kTime);
  const auto records = records_of(writer);
  IndexBuilder builder(TimelineId(1), writer.start());
  builder.add(view(records[1]), *version_of_major(15));
  EXPECT_THROW(builder.add(view(records[0]), *version_of_major(15)), Error);
  EXPECT_THROW(builder.cut(writer.start() - 8, Lsn()), Error);
}

WalWriter load() {
  WalWriter writer;
  writer.message(1, 20000);
  test::write_load(writer, 60'000);
  writer.restore_point(kTime, "x");
  return writer;
}

// All but what each part says of its own end.
WalIndex join(const std::vector<WalIndex>& parts) {
  WalIndex joined = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) joined.append(parts[i]);
  return joined;
}

TEST(IndexBuilder, CutAtEveryRecordAppendsToTheWhole) {
  const WalWriter writer = load();
  IndexBuilder builder(TimelineId(1), writer.start());
  std::vector<WalIndex> parts;
  for (const KeptRecord& record : records_of(writer)) {
    builder.add(view(record), *version_of_major(15));
    parts.push_back(builder.cut(record.end, Lsn()));
    EXPECT_EQ(parts.back().record_count, 1U);
    EXPECT_EQ(parts.back().first_record, record.start);
  }
  EXPECT_EQ(join(parts), index_of(writer));
}

TEST(IndexBuilder, ACutBeforeWhatWasAddedSplitsExactly) {
  const WalWriter writer = load();
  const auto records = records_of(writer);
  const WalIndex whole = index_of(writer);
  for (std::uint64_t at = 0; at <= writer.bytes().size(); at += 61) {
    const Lsn cut = writer.start() + at;
    IndexBuilder builder(TimelineId(1), writer.start());
    for (const KeptRecord& record : records) builder.add(view(record), *version_of_major(15));
    const WalIndex first = builder.cut(cut, Lsn());
    // Cut twice, so that what stays is split again.
    const Lsn second_cut = cut + (writer.end() - cut) / 2;
    const WalIndex second = builder.cut(second_cut, Lsn());
    const WalIndex third = builder.cut(writer.end(), Lsn());
    std::uint64_t count = 0;
    Lsn last;
    for (const KeptRecord& record : records) {
      if (record.end > cut) break;
      ++count;
      last = record.start;
    }
    ASSERT_EQ(first.record_count, count) << at;
    ASSERT_EQ(first.last_record, last) << at;
    ASSERT_EQ(join({first, second, third}), whole) << at;
    for (const WalIndex& part : {first, second, third}) {
      for (const TransactionEnd& end : part.ends) {
        ASSERT_GT(end.end, part.start);
        ASSERT_LE(end.end, part.end);
      }
    }
  }
}

TEST(IndexBuilder, TheOpenIndexIsVisibleBeforeTheCut) {
  WalWriter writer;
  const auto commit = writer.commit(1, kTime);
  IndexBuilder builder(TimelineId(1), writer.start());
  EXPECT_EQ(builder.open().record_count, 0U);
  builder.add(view(records_of(writer)[0]), *version_of_major(15));
  EXPECT_EQ(builder.open().ends.size(), 1U);
  EXPECT_EQ(builder.open().latest, kTime);
  EXPECT_EQ(builder.open().end, commit.end);
  const WalIndex cut = builder.cut(writer.end() + 100, Lsn(5));
  EXPECT_EQ(cut.unfinished, Lsn(5));
  EXPECT_EQ(builder.open().record_count, 0U);
  EXPECT_EQ(builder.open().start, writer.end() + 100);
  EXPECT_FALSE(builder.open().latest);
}

}  // namespace
}  // namespace tidemark::wal
