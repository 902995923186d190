#include "wal/index.h"

#include <gtest/gtest.h>

#include "tidemark/error.h"

namespace tidemark::wal {
namespace {

Instant at(std::int64_t microseconds) { return Instant::from_unix(1'800'000'000'000'000 + microseconds); }

WalIndex sample() {
  WalIndex index;
  index.start = Lsn(0x3000000);
  index.end = Lsn(0x4000000);
  index.timeline = TimelineId(2);
  index.first_record = Lsn(0x2FFFF00);
  index.last_record = Lsn(0x3FFFE00);
  index.last_record_end = Lsn(0x3FFFE80);
  index.unfinished = Lsn(0x3FFFE80);
  index.record_count = 12345;
  index.earliest = at(-5);
  index.latest = at(10);
  index.ends = {{Lsn(0x3000100), Lsn(0x3000128), at(10), 700, EndKind::commit},
                {Lsn(0x3000200), Lsn(0x3000228), at(-5), 0xFFFFFFFF, EndKind::abort},
                {Lsn(0x3000300), Lsn(0x3000338), at(7), 3, EndKind::commit_prepared},
                {Lsn(0x3000400), Lsn(0x3000438), at(7), 4, EndKind::abort_prepared}};
  index.prepares = {{Lsn(0x3000180), Lsn(0x30001F0), at(3), 3, "a gid"},
                    {Lsn(0x3000500), Lsn(0x3000600), at(1), 9, ""}};
  index.restore_points = {{Lsn(0x3000700), Lsn(0x3000780), at(-100), "before_release"}};
  index.events = {{Lsn(0x3000800), Lsn(0x3000880), EventKind::checkpoint_online, 0x5'0000'0007, 0x3000700},
                  {Lsn(0x3000900), Lsn(0x3000918), EventKind::segment_switch, 0, 0},
                  {Lsn(0x3000A00), Lsn(0x3000A18), EventKind::running_transactions, 1, ~std::uint64_t{0}}};
  return index;
}

std::string refusal(ByteView bytes) {
  try {
    WalIndex::parse(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    return error.message();
  }
  return "";
}

TEST(WalIndex, RoundTrips) {
  EXPECT_EQ(WalIndex::parse(sample().serialize()), sample());
  WalIndex empty;
  empty.start = empty.end = Lsn(0x3000000);
  empty.timeline = TimelineId(1);
  EXPECT_EQ(WalIndex::parse(empty.serialize()), empty);
  EXPECT_LT(empty.serialize().size(), 16U);
}

TEST(WalIndex, ExtremeValuesRoundTrip) {
  WalIndex index = sample();
  index.start = Lsn(0);
  index.end = Lsn(~std::uint64_t{0});
  index.ends[0].time = Instant::from_postgres(INT64_MIN);
  index.ends[1].time = Instant::from_postgres(INT64_MAX);
  index.ends[2].start = Lsn(~std::uint64_t{0} - 5);
  index.ends[2].end = Lsn(~std::uint64_t{0});
  index.earliest = Instant::from_postgres(INT64_MIN);
  index.latest = Instant::from_postgres(INT64_MAX);
  EXPECT_EQ(WalIndex::parse(index.serialize()), index);
}

TEST(WalIndex, ACommitTakesFewBytes) {
  WalIndex index = sample();
  const std::size_t before = index.serialize().size();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Lsn start(0x3100000 + i * 600);
    index.ends.push_back({start, start + 40, at(1000 + i * 300), 1000 + i, EndKind::commit});
  }
  EXPECT_LT(index.serialize().size() - before, 9000U);
}

TEST(WalIndex, RefusesEveryPrefix) {
  const Bytes whole = sample().serialize();
  std::size_t accepted = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (refusal(ByteView(whole).first(length)).empty()) ++accepted;
  }
  // A cut between two sections leaves fewer sections; the object around the index has its length and
  // checksum.
  EXPECT_EQ(accepted, 4U);
}

TEST(WalIndex, SkipsUnknownSectionsUnlessTheyAreCritical) {
  Bytes bytes = sample().serialize();
  ByteWriter writer(bytes);
  writer.varint(40 << 1);
  writer.text("changed blocks, perhaps");
  EXPECT_EQ(WalIndex::parse(bytes), sample());
  writer.varint(41 << 1 | 1);
  writer.text("needed");
  EXPECT_EQ(refusal(bytes), "WAL index: section 41 is needed and not known here");
}

TEST(WalIndex, RefusesOtherFormatsAndLyingCounts) {
  Bytes bytes = sample().serialize();
  bytes[0] = 2;
  EXPECT_EQ(refusal(bytes), "WAL index: format 2 is not known here");
  bytes = {1};
  EXPECT_EQ(refusal(bytes), "WAL index: it does not say what it covers");
  WalIndex small;
  small.timeline = TimelineId(1);
  bytes = small.serialize();
  ByteWriter writer(bytes);
  writer.varint(2 << 1 | 1);
  Bytes body;
  ByteWriter list(body);
  list.varint(std::uint64_t{1} << 40);
  writer.sized(body);
  EXPECT_NE(refusal(bytes).find("announces"), std::string::npos);
  // The same section twice.
  bytes = small.serialize();
  const Bytes again(bytes.begin() + 1, bytes.end());
  bytes.insert(bytes.end(), again.begin(), again.end());
  EXPECT_EQ(refusal(bytes), "WAL index: section 1 comes behind section 1");
}

TEST(WalIndex, RefusesAnnouncementsOfNothing) {
  // section 1, flags 1 (records) or 2 (an unfinished one), everything else zero
  EXPECT_EQ(refusal(Bytes{1, 3, 8, 1, 0, 0, 0, 0, 0, 0, 0}), "WAL index: it announces records and has none");
  EXPECT_EQ(refusal(Bytes{1, 3, 5, 2, 0, 0, 0, 0}),
            "WAL index: it announces an unfinished record and has none");
}

TEST(WalIndex, AppendJoins) {
  WalIndex first = sample();
  first.unfinished = Lsn(0x3FFFE80);
  WalIndex second;
  second.start = first.end;
  second.end = first.end + 0x1000;
  second.timeline = TimelineId(2);
  second.first_record = Lsn(0x3FFFE80);
  second.last_record = second.last_record_end = second.end;
  second.record_count = 5;
  second.earliest = second.latest = at(50);
  second.ends = {{Lsn(0x4000100), Lsn(0x4000128), at(50), 800, EndKind::commit}};
  WalIndex joined = first;
  joined.append(second);
  EXPECT_EQ(joined.start, first.start);
  EXPECT_EQ(joined.end, second.end);
  EXPECT_EQ(joined.first_record, first.first_record);
  EXPECT_EQ(joined.last_record, second.last_record);
  EXPECT_EQ(joined.unfinished, Lsn());
  EXPECT_EQ(joined.record_count, 12350U);
  EXPECT_EQ(joined.earliest, at(-5));
  EXPECT_EQ(joined.latest, at(50));
  EXPECT_EQ(joined.ends.size(), 5U);
  // A range without records keeps what was known of the last one.
  WalIndex nothing;
  nothing.start = joined.end;
  nothing.end = joined.end + 8;
  nothing.timeline = TimelineId(3);
  nothing.unfinished = joined.end;
  const Lsn last = joined.last_record;
  joined.append(nothing);
  EXPECT_EQ(joined.last_record, last);
  EXPECT_EQ(joined.timeline, TimelineId(3));
  EXPECT_EQ(joined.unfinished, nothing.start);
}

TEST(WalIndex, AppendRefusesWhatDoesNotContinue) {
  WalIndex first = sample();
  WalIndex second;
  second.start = first.end + 8;
  second.end = second.start;
  second.timeline = first.timeline;
  EXPECT_THROW(first.append(second), Error);
  second.start = first.end;
  second.timeline = TimelineId(1);
  EXPECT_THROW(first.append(second), Error);
  EXPECT_EQ(first, sample());
}

}  // namespace
}  // namespace tidemark::wal
