#include "wal/stream_decoder.h"

#include <gtest/gtest.h>

#include <random>

#include "harness/wal_writer.h"
#include "tidemark/checksum.h"
#include "tidemark/error.h"
#include "unit/wal/decoding.h"
#include "wal/page.h"

namespace tidemark::wal {
namespace {

using test::WalWriter;
using test::WalWriterOptions;

const Instant kTime = Instant::from_unix(1'800'000'000'000'000);
const SegmentSize kOneMegabyte = SegmentSize::from_bytes(1U << 20).value();

Decoded decode_all(const WalWriter& writer, const std::vector<std::size_t>& pieces = {std::size_t{1} << 40}) {
  return decode(writer.decoder_options(), writer.start(), writer.bytes(), pieces);
}

TEST(StreamDecoder, FindsEveryRecordOfEveryVersion) {
  for (const VersionTraits& version : all_versions()) {
    WalWriter writer({.major = version.major});
    std::vector<test::WrittenRecord> written;
    for (std::uint32_t i = 0; i < 500; ++i) {
      written.push_back(i % 7 == 0 ? writer.message(i, 3000) : writer.commit(i, kTime));
    }
    const Decoded decoded = decode_all(writer);
    ASSERT_EQ(decoded.records.size(), written.size()) << decoded.why;
    for (std::size_t i = 0; i < written.size(); ++i) {
      EXPECT_EQ(decoded.records[i].start, written[i].start);
      EXPECT_EQ(decoded.records[i].end, written[i].end);
      EXPECT_EQ(decoded.records[i].xid, i);
      EXPECT_EQ(decoded.records[i].previous, i == 0 ? Lsn() : written[i - 1].start);
    }
    EXPECT_FALSE(decoded.ended);
    EXPECT_EQ(decoded.position, writer.end());
    EXPECT_EQ(decoded.last_end, writer.end());
    EXPECT_EQ(decoded.last_start, written.back().start);
    EXPECT_EQ(decoded.first, written.front().start);
  }
}

TEST(StreamDecoder, ARecordMayBeginAnywhereBeforeAPageBoundary) {
  for (std::size_t left = 0; left <= 128; left += 8) {
    WalWriter writer;
    writer.message(1, 2000);
    writer.message(2, writer.page_left() - left - 24 - 5);
    ASSERT_EQ(writer.page_left(), left);
    const auto commit = writer.commit(3, kTime);
    const auto checkpoint = writer.checkpoint(true, 4, commit.start);
    for (const std::size_t piece : {std::size_t{1} << 40, std::size_t{8192}, std::size_t{1}}) {
      const Decoded decoded = decode_all(writer, {piece});
      ASSERT_EQ(decoded.records.size(), 4U) << left << ": " << decoded.why;
      EXPECT_EQ(decoded.records[2].start, commit.start);
      EXPECT_EQ(decoded.records[3].end, checkpoint.end);
    }
  }
}

TEST(StreamDecoder, LearnsVersionAndSystemFromTheFirstPage) {
  WalWriter writer({.major = 17});
  writer.commit(1, kTime);
  StreamDecoder decoder(
      {.segment_size = SegmentSize(), .timeline = TimelineId(1), .system_id = {}, .major = {}},
      writer.start());
  EXPECT_EQ(decoder.version(), nullptr);
  EXPECT_EQ(decode(decoder, writer.bytes(), {1000}).records.size(), 1U);
  EXPECT_EQ(decoder.version()->major, 17);
  EXPECT_EQ(decoder.system_id(), writer.options().system_id);
  EXPECT_EQ(decoder.fed_to(), writer.end());
}

// Three pages with a record over a boundary, one over two, and one that ends on a boundary exactly.
WalWriter few_pages() {
  WalWriter writer({.segment_size = kOneMegabyte});
  writer.commit(1, kTime);
  writer.message(2, 7000);
  writer.message(3, 3000);
  writer.message(4, writer.page_left() - 24 - 5);
  EXPECT_EQ(writer.page_left(), 0U);
  writer.commit(5, kTime);
  writer.message(6, 9000);
  writer.commit(7, kTime);
  return writer;
}

TEST(StreamDecoder, ACutAtAnyByteChangesNothing) {
  const WalWriter writer = few_pages();
  const Decoded whole = decode_all(writer);
  ASSERT_EQ(whole.records.size(), 7U);
  for (std::size_t cut = 1; cut < writer.bytes().size(); ++cut) {
    ASSERT_EQ(decode_all(writer, {cut, std::size_t{1} << 40}), whole) << "cut at byte " << cut;
  }
  EXPECT_EQ(decode_all(writer, {1}), whole);
  EXPECT_EQ(decode_all(writer, {3, 7}), whole);
}

TEST(StreamDecoder, AnyFlippedBitIsSeen) {
  const WalWriter writer = few_pages();
  const Decoded whole = decode_all(writer);
  std::mt19937 random(5);
  for (std::size_t at = 0; at < writer.bytes().size(); ++at) {
    Bytes damaged = writer.bytes();
    damaged[at] = static_cast<Byte>(damaged[at] ^ (1U << (random() % 8)));
    const Decoded decoded = decode(writer.decoder_options(), writer.start(), damaged);
    if (decoded.ended) {
      ASSERT_FALSE(decoded.why.empty());
      ASSERT_LT(decoded.records.size(), whole.records.size()) << at;
      ASSERT_TRUE(std::equal(decoded.records.begin(), decoded.records.end(), whole.records.begin())) << at;
      continue;
    }
    // What no checksum covers: padding, an unused flag, the unused header bytes 18 and 19 are covered;
    // rem_len unused.
    if (decoded.records.size() == whole.records.size()) {
      ASSERT_EQ(decoded.position, whole.position) << at;
      for (std::size_t i = 0; i < whole.records.size(); ++i) {
        ASSERT_EQ(decoded.records[i].bytes, whole.records[i].bytes) << at;
      }
    } else {
      // A longer length or "remaining" waits for bytes that have not come: never a wrong record.
      ASSERT_TRUE(std::equal(decoded.records.begin(), decoded.records.end(), whole.records.begin())) << at;
    }
  }
}

TEST(StreamDecoder, AnUnfinishedRecordHoldsThePosition) {
  WalWriter writer;
  writer.commit(1, kTime);
  const auto open = writer.message(2, 30000);
  for (const std::size_t fed : {std::size_t{9}, std::size_t{100}, std::size_t{9000}, std::size_t{29000}}) {
    const Decoded decoded = decode(writer.decoder_options(), writer.start(),
                                   ByteView(writer.bytes()).first((open.start - writer.start()) + fed));
    EXPECT_EQ(decoded.records.size(), 1U);
    EXPECT_TRUE(decoded.in_record);
    EXPECT_EQ(decoded.position, open.start);
    EXPECT_EQ(decoded.last_end, open.start);
  }
}

TEST(StreamDecoder, ARecordCountsWhenItsPaddingIsThere) {
  WalWriter writer;
  const auto commit = writer.commit(1, kTime);  // 34 bytes, padded to 40
  const ByteView bytes(writer.bytes());
  EXPECT_TRUE(
      decode(writer.decoder_options(), writer.start(), bytes.first(bytes.size() - 1)).records.empty());
  EXPECT_EQ(decode(writer.decoder_options(), writer.start(), bytes).records.at(0).end, commit.end);
}

TEST(StreamDecoder, StartsAtARecord) {
  const WalWriter writer = few_pages();
  const Decoded whole = decode_all(writer);
  for (std::size_t i = 0; i < whole.records.size(); ++i) {
    const Lsn start = whole.records[i].start;
    const Decoded tail = decode(writer.decoder_options(), start, writer.from(start), {1000});
    EXPECT_EQ(tail.records,
              std::vector(whole.records.begin() + static_cast<std::ptrdiff_t>(i), whole.records.end()));
    EXPECT_EQ(tail.first, start);
  }
}

TEST(StreamDecoder, SkipsTheRecordThatBeganBeforeTheStart) {
  WalWriter writer({.segment_size = kOneMegabyte});
  writer.commit(1, kTime);
  writer.message(2, 50000);
  writer.commit(3, kTime);
  writer.message(4, writer.page_left() + 100);
  writer.commit(5, kTime);
  const Decoded whole = decode_all(writer);
  for (Lsn page = writer.start() + kDefaultPageBytes; page < writer.end(); page += kDefaultPageBytes) {
    const auto first = std::find_if(whole.records.begin(), whole.records.end(),
                                    [&](const KeptRecord& record) { return record.start >= page; });
    for (const std::size_t piece : {std::size_t{1} << 40, std::size_t{11}}) {
      const Decoded tail = decode(writer.decoder_options(), page, writer.from(page), {piece});
      EXPECT_FALSE(tail.ended) << tail.why;
      EXPECT_EQ(tail.records, std::vector(first, whole.records.end())) << page.to_string();
      EXPECT_EQ(tail.first, first->start);
      EXPECT_EQ(tail.position, writer.end());
    }
  }
}

TEST(StreamDecoder, SkippingEndsOnAPageBoundaryToo) {
  WalWriter writer({.segment_size = kOneMegabyte});
  writer.commit(1, kTime);
  const std::size_t over_two_pages = writer.page_left() + 2 * (kDefaultPageBytes - kShortPageHeaderBytes);
  writer.message(2, over_two_pages - 24 - 5);
  ASSERT_EQ(writer.page_left(), 0U);
  const auto next = writer.commit(3, kTime);
  const Lsn page = writer.start() + kDefaultPageBytes;
  const Decoded tail = decode(writer.decoder_options(), page, writer.from(page), {100});
  ASSERT_EQ(tail.records.size(), 1U) << tail.why;
  EXPECT_EQ(tail.first, next.start);
}

TEST(StreamDecoder, ASegmentInsideOneRecordHasNone) {
  WalWriter writer({.segment_size = kOneMegabyte});
  writer.message(1, 3U << 20);
  const Lsn middle = writer.start() + kOneMegabyte.bytes();
  const Decoded decoded =
      decode(writer.decoder_options(), middle, writer.from(middle).first(kOneMegabyte.bytes()));
  EXPECT_FALSE(decoded.ended);
  EXPECT_TRUE(decoded.records.empty());
  EXPECT_EQ(decoded.position, middle + kOneMegabyte.bytes());
  EXPECT_EQ(decoded.first, Lsn());
  EXPECT_FALSE(decoded.in_record);
}

TEST(StreamDecoder, ABigRecordOverSegmentsIsWhole) {
  WalWriter writer({.segment_size = kOneMegabyte});
  writer.commit(1, kTime);
  writer.message(2, 5U << 20);
  writer.commit(3, kTime);
  const Decoded decoded = decode_all(writer, {65536});
  ASSERT_EQ(decoded.records.size(), 3U) << decoded.why;
  EXPECT_EQ(decoded.records[1].bytes.size(), 24U + 5 + (5U << 20));
  EXPECT_EQ(record_crc(decoded.records[1].bytes), load_le<std::uint32_t>(&decoded.records[1].bytes[20]));
}

TEST(StreamDecoder, BehindASwitchComesTheNextSegment) {
  WalWriter writer({.segment_size = kOneMegabyte});
  writer.commit(1, kTime);
  const auto before = writer.segment_switch();
  const Lsn boundary = writer.end();
  EXPECT_EQ(boundary, writer.start() + kOneMegabyte.bytes());
  const auto after = writer.commit(2, kTime);
  for (const std::size_t piece : {std::size_t{1} << 40, std::size_t{8192}, std::size_t{77}}) {
    const Decoded decoded = decode_all(writer, {piece});
    ASSERT_EQ(decoded.records.size(), 3U) << decoded.why;
    EXPECT_EQ(decoded.records[1].end, before.end);
    EXPECT_EQ(decoded.records[2].start, after.start);
    EXPECT_EQ(after.start, boundary + kLongPageHeaderBytes);
    EXPECT_EQ(decoded.records[2].previous, before.start);
  }
  const Decoded first_segment =
      decode(writer.decoder_options(), writer.start(), ByteView(writer.bytes()).first(kOneMegabyte.bytes()));
  EXPECT_EQ(first_segment.position, boundary);
  EXPECT_EQ(first_segment.last_end, before.end);
}

TEST(StreamDecoder, RefusesBytesBehindASwitch) {
  WalWriter writer({.segment_size = kOneMegabyte});
  writer.commit(1, kTime);
  const auto last = writer.segment_switch();
  Bytes bytes = writer.bytes();
  bytes[bytes.size() - 1] = 1;
  const Decoded decoded = decode(writer.decoder_options(), writer.start(), bytes, {8192});
  EXPECT_TRUE(decoded.ended);
  EXPECT_EQ(decoded.why, "bytes behind a segment switch are not zero");
  EXPECT_EQ(decoded.last_start, last.start);
}

TEST(StreamDecoder, AnOverwrittenRecordNeverWas) {
  for (const std::size_t written :
       {std::size_t{10}, std::size_t{7000}, std::size_t{9000}, std::size_t{20000}}) {
    WalWriter writer;
    const auto before = writer.commit(1, kTime);
    const auto overwriting = writer.broken_record(40000, written);
    writer.commit(2, kTime);
    const Decoded whole = decode_all(writer);
    ASSERT_EQ(whole.records.size(), 3U) << whole.why;
    EXPECT_EQ(whole.records[1].start, overwriting.start);
    EXPECT_EQ(whole.records[1].previous, before.start);
    EXPECT_EQ(whole.records[1].info, kOverwriteContinuation);
    EXPECT_EQ(decode_all(writer, {13}), whole);
    // Also where decoding began inside the lost record, or on the overwriting page itself.
    for (Lsn page = writer.start() + kDefaultPageBytes; page < overwriting.start; page += kDefaultPageBytes) {
      const Decoded tail = decode(writer.decoder_options(), page, writer.from(page));
      EXPECT_EQ(tail.records, std::vector(whole.records.begin() + 1, whole.records.end())) << tail.why;
    }
    const Decoded at_record =
        decode(writer.decoder_options(), overwriting.start, writer.from(overwriting.start));
    EXPECT_EQ(at_record.records.size(), 2U) << at_record.why;
  }
}

// Writes a record's checksum anew after a test changed it in place.
void reseal(Bytes& bytes, std::size_t at) {
  const std::size_t total = load_le<std::uint32_t>(&bytes[at]);
  store_le(&bytes[at + 20], record_crc(ByteView(bytes).subspan(at, total)));
}

TEST(StreamDecoder, AnOverwriteMustNameTheOpenRecord) {
  WalWriter writer;
  writer.commit(1, kTime);
  const auto overwriting = writer.broken_record(40000, 100);
  const std::size_t at = overwriting.start - writer.start();
  Bytes bytes = writer.bytes();
  store_le(&bytes[at + 26], writer.broken_record().value() + 8);
  reseal(bytes, at);
  Decoded decoded = decode(writer.decoder_options(), writer.start(), bytes);
  EXPECT_TRUE(decoded.ended);
  EXPECT_NE(decoded.why.find("but the open record began at"), std::string::npos) << decoded.why;
  bytes = writer.bytes();
  bytes[at + 16] = kRestorePoint;
  reseal(bytes, at);
  decoded = decode(writer.decoder_options(), writer.start(), bytes);
  EXPECT_EQ(decoded.why, "the page overwrites a record but does not say which");
}

TEST(StreamDecoder, NothingIsOverwrittenThatWasComplete) {
  WalWriter writer;
  writer.commit(1, kTime);
  writer.message(2, writer.page_left() - 24 - 5);
  writer.commit(3, kTime);
  Bytes bytes = writer.bytes();
  bytes[kDefaultPageBytes + 2] |= kFirstIsOverwriteContinuation;
  EXPECT_EQ(decode(writer.decoder_options(), writer.start(), bytes).why,
            "a page overwrites a record that was complete");
  bytes = writer.bytes();
  bytes[kDefaultPageBytes + 2] |= kFirstIsContinuation;
  EXPECT_EQ(decode(writer.decoder_options(), writer.start(), bytes).why,
            "the page continues a record that was complete");
  WalWriter lone;
  lone.commit(1, kTime);
  const Bytes data(16);
  lone.main_data_record(kXlogRecords, kOverwriteContinuation, 0, data);
  EXPECT_EQ(decode_all(lone).why, "a record is overwritten that was complete");
}

TEST(StreamDecoder, AContinuationMustFitTheRecord) {
  WalWriter writer;
  writer.commit(1, kTime);
  const auto open = writer.message(2, 9000);
  Bytes bytes = writer.bytes();
  bytes[kDefaultPageBytes + 16] ^= 8;
  Decoded decoded = decode(writer.decoder_options(), writer.start(), bytes);
  EXPECT_TRUE(decoded.ended);
  EXPECT_EQ(decoded.position, open.start);
  EXPECT_TRUE(decoded.in_record);
  bytes = writer.bytes();
  bytes[kDefaultPageBytes + 2] &= static_cast<Byte>(~kFirstIsContinuation);
  decoded = decode(writer.decoder_options(), writer.start(), bytes);
  EXPECT_EQ(decoded.why, "the record is not continued on the next page");
}

TEST(StreamDecoder, LiveSegmentsEndInZerosOrInOldPages) {
  WalWriter writer({.segment_size = kOneMegabyte});
  writer.commit(1, kTime);
  const auto last = writer.message(2, 20000);
  Decoded decoded = decode(writer.decoder_options(), writer.start(), writer.segment(SegmentNo(1)), {8192});
  EXPECT_TRUE(decoded.ended);
  EXPECT_EQ(decoded.why, "no record begins here");
  EXPECT_EQ(decoded.position, last.end);
  EXPECT_EQ(decoded.last_start, last.start);
  EXPECT_FALSE(decoded.in_record);
  // A recycled file: the next page is valid, for another address.
  Bytes recycled = writer.bytes();
  WalWriter old({.segment_size = kOneMegabyte, .start = writer.start() + (16U << 20)});
  old.message(9, 200000);
  const std::size_t boundary = (recycled.size() / kDefaultPageBytes + 1) * kDefaultPageBytes;
  writer.message(3, writer.page_left() - 24 - 5);
  recycled = writer.bytes();
  ASSERT_EQ(recycled.size(), boundary);
  recycled.insert(recycled.end(), old.bytes().begin() + static_cast<std::ptrdiff_t>(boundary),
                  old.bytes().end());
  decoded = decode(writer.decoder_options(), writer.start(), recycled);
  EXPECT_TRUE(decoded.ended);
  EXPECT_NE(decoded.why.find("left from an earlier use of the file"), std::string::npos) << decoded.why;
  EXPECT_EQ(decoded.position, writer.end());
}

TEST(StreamDecoder, AStaleRecordIsToldByItsPredecessor) {
  WalWriter writer;
  writer.message(1, 40 + 40 - 24 - 2);  // as long as two commits with their padding
  WalWriter other;
  other.commit(1, kTime);
  other.commit(2, kTime);
  ASSERT_EQ(writer.end(), other.end());
  // Valid in itself and at its own address, but written after other records.
  other.commit(3, kTime);
  Bytes bytes = writer.bytes();
  const ByteView stale = other.from(writer.end());
  bytes.insert(bytes.end(), stale.begin(), stale.end());
  const Decoded decoded = decode(writer.decoder_options(), writer.start(), bytes);
  EXPECT_TRUE(decoded.ended);
  EXPECT_EQ(decoded.records.size(), 1U);
  EXPECT_NE(decoded.why.find("as the one before it"), std::string::npos) << decoded.why;
}

TEST(StreamDecoder, TimelinesRiseAtASwitchPointAndNeverFall) {
  WalWriter writer({.segment_size = kOneMegabyte});
  writer.commit(1, kTime);
  writer.message(2, 20000);
  writer.set_timeline(TimelineId(3));
  writer.end_of_recovery(TimelineId(3), TimelineId(1), kTime);
  writer.message(3, 20000);
  const Decoded rising = decode_all(writer);
  EXPECT_EQ(rising.records.size(), 4U) << rising.why;
  DecoderOptions options = writer.decoder_options();
  options.timeline = TimelineId(2);
  EXPECT_TRUE(decode(options, writer.start(), writer.bytes()).ended);
  writer.set_timeline(TimelineId(2));
  writer.message(4, 20000);
  options.timeline = TimelineId(3);
  const Decoded falling = decode(options, writer.start(), writer.bytes());
  EXPECT_TRUE(falling.ended);
  EXPECT_EQ(falling.records.size(), 4U);
}

TEST(StreamDecoder, RefusesOtherClustersVersionsAndSizes) {
  WalWriter writer;
  writer.commit(1, kTime);
  const auto why = [&](auto change) {
    DecoderOptions options = writer.decoder_options();
    change(options);
    return decode(options, writer.start(), writer.bytes()).why;
  };
  EXPECT_EQ(why([](DecoderOptions&) {}), "");
  EXPECT_NE(why([](DecoderOptions& o) { o.system_id = SystemId(5); }), "");
  EXPECT_NE(why([](DecoderOptions& o) { o.major = 16; }), "");
  EXPECT_NE(why([](DecoderOptions& o) { o.segment_size = kOneMegabyte; }), "");
  EXPECT_THROW(why([](DecoderOptions& o) { o.major = 12; }), Error);
  EXPECT_THROW(StreamDecoder(writer.decoder_options(), Lsn(0x1000001)), Error);
}

TEST(StreamDecoder, CustomManagersExistFrom15On) {
  for (const int major : {14, 15, 18}) {
    WalWriter writer({.major = major});
    writer.main_data_record(130, 0, 1, Bytes(5));
    EXPECT_EQ(decode_all(writer).ended, major == 14);
    WalWriter unknown({.major = major});
    unknown.main_data_record(22, 0, 1, Bytes(5));
    EXPECT_TRUE(decode_all(unknown).ended);
  }
}

TEST(StreamDecoder, AnAbsurdLengthTakesNoMemory) {
  WalWriter writer;
  writer.commit(1, kTime);
  Bytes bytes = writer.bytes();
  const std::size_t at = bytes.size();
  bytes.resize(at + 24);
  store_le<std::uint32_t>(&bytes[at], 1000U << 20);
  store_le(&bytes[at + 8], writer.last_record().value());
  const Decoded waiting = decode(writer.decoder_options(), writer.start(), bytes);
  EXPECT_FALSE(waiting.ended);
  EXPECT_TRUE(waiting.in_record);
  store_le<std::uint32_t>(&bytes[at], kMaximumRecordBytes + 1);
  EXPECT_TRUE(decode(writer.decoder_options(), writer.start(), bytes).ended);
  store_le<std::uint32_t>(&bytes[at], 23);
  EXPECT_EQ(decode(writer.decoder_options(), writer.start(), bytes).why, "a record of 23 bytes");
}

TEST(StreamDecoder, AnEndBecomesAnErrorThatSaysWhere) {
  WalWriter writer;
  const auto first = writer.commit(1, kTime);
  Bytes bytes = writer.bytes();
  bytes[45] ^= 1;
  StreamDecoder decoder(writer.decoder_options(), writer.start());
  EXPECT_TRUE(decode(decoder, bytes, {1000}).ended);
  try {
    decoder.throw_end_of_wal();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_NE(error.message().find(first.start.to_string()), std::string::npos) << error.message();
  }
  RecordView record;
  EXPECT_EQ(decoder.next(record), StreamDecoder::Next::end_of_wal);
}

}  // namespace
}  // namespace tidemark::wal
