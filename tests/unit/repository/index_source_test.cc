// Merged log indexes, and the rows that a plan sees.
#include "repository/inventory_reading.h"
#include "repository/wal_cover.h"
#include "sample.h"

namespace tidemark::repository {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20;
const Lsn kLogEnd(1ULL << 32);
const Lsn kStart = kLogEnd - 3 * kMegabyte;

// The last three segments of log 0 and two of log 1.
class LogIndex : public ::testing::TestWithParam<bool> {
 protected:
  void store(int from, int to) {
    for (int i = from; i < to; ++i) {
      wal.store_segment(archive, wal::SegmentNo(wal.first_segment().value() + static_cast<std::uint64_t>(i)));
    }
  }
  // Rows must join, and the loaded ones must say together what one pass over the WAL says.
  void expect_rows_tell_everything(catalog::IndexSource& source, Lsn from, Lsn to) {
    Lsn at = from;
    std::vector<wal::TransactionEnd> ends;
    for (const auto& row : source.rows(kTimeline, from, to)) {
      EXPECT_EQ(row.start, at);
      const wal::WalIndex index = source.load(row);
      EXPECT_EQ(index.start, row.start);
      EXPECT_EQ(index.end, row.end);
      EXPECT_EQ(source.load(row).ends, index.ends);
      ends.insert(ends.end(), index.ends.begin(), index.ends.end());
      if (row.summarized) {
        EXPECT_EQ(row.earliest, wal.index(row.start, row.end).earliest);
        EXPECT_EQ(row.latest, wal.index(row.start, row.end).latest);
      }
      at = row.end;
    }
    EXPECT_EQ(at, to);
    EXPECT_EQ(ends, wal.index(from, to).ends);
    EXPECT_GT(ends.size(), 0U);
  }

  const MemoryRepository memory{GetParam()};
  WalArchive archive = memory.archive();
  const SyntheticWal wal{kStart, 5 * kMegabyte};
};
INSTANTIATE_TEST_SUITE_P(Encryption, LogIndex, ::testing::Bool());

TEST_P(LogIndex, IsMadeOfAFinishedLogOnly) {
  store(0, 2);
  EXPECT_FALSE(archive.log_finished(kTimeline, 0));
  archive.store_log_index(kTimeline, 0);
  EXPECT_FALSE(archive.read_log_index(kTimeline, 0).has_value());
  store(2, 4);
  EXPECT_TRUE(archive.log_finished(kTimeline, 0));
  EXPECT_FALSE(archive.log_finished(kTimeline, 1));
  archive.store_log_index(kTimeline, 0);
  EXPECT_TRUE(archive.has_log_index(kTimeline, 0));
  EXPECT_EQ(*archive.read_log_index(kTimeline, 0), wal.index(kStart, kLogEnd));
  archive.store_log_index(kTimeline, 0);
  EXPECT_EQ(archive.list(kTimeline).size(), 4U) << "the index is no range";
}

TEST_P(LogIndex, IsNotMadeOverAHole) {
  store(0, 1);
  store(2, 3);
  EXPECT_FALSE(archive.log_finished(kTimeline, 0));
  wal.store_piece(archive, kStart + kMegabyte, kStart + kMegabyte + 100);
  EXPECT_FALSE(archive.log_finished(kTimeline, 0));
}

TEST_P(LogIndex, LeftoverPiecesChangeNothing) {
  store(0, 3);
  wal.store_piece(archive, kStart + kMegabyte, kStart + kMegabyte + 100);
  EXPECT_TRUE(archive.log_finished(kTimeline, 0));
}

TEST_P(LogIndex, RowsOfSegments) {
  store(0, 5);
  const auto source = make_index_source(archive, read_inventory(archive));
  EXPECT_EQ(source->rows(kTimeline, kStart, wal.end()).size(), 5U);
  expect_rows_tell_everything(*source, kStart, wal.end());
  EXPECT_TRUE(source->rows(TimelineId(2), kStart, wal.end()).empty());
}

TEST_P(LogIndex, RowsOfMergedIndexes) {
  store(0, 5);
  archive.store_log_index(kTimeline, 0);
  const auto source = make_index_source(archive, read_inventory(archive));
  EXPECT_EQ(source->rows(kTimeline, kStart, wal.end()).size(), 3U);
  expect_rows_tell_everything(*source, kStart, wal.end());
}

TEST_P(LogIndex, RowsOfACheckpoint) {
  store(0, 4);
  archive.store_log_index(kTimeline, 0);
  store_checkpoint(archive, Instant::from_postgres(5));
  store(4, 5);
  const auto source = make_index_source(archive, read_inventory(archive));
  const auto rows = source->rows(kTimeline, kStart, wal.end());
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_TRUE(rows[0].summarized);
  EXPECT_TRUE(rows[1].summarized);
  EXPECT_FALSE(rows[2].summarized);
  expect_rows_tell_everything(*source, kStart, wal.end());
  EXPECT_EQ(source->rows(kTimeline, kLogEnd, kLogEnd + 1).size(), 1U);
}

TEST_P(LogIndex, RowsWithoutTheMergedIndexComeFromTheRanges) {
  store(0, 5);
  archive.store_log_index(kTimeline, 0);
  store_checkpoint(archive, Instant::from_postgres(5));
  memory.store->remove(catalog::log_index_name(kIncarnation, kTimeline, 0, 1));
  const auto source = make_index_source(archive, read_inventory(archive));
  expect_rows_tell_everything(*source, kStart, wal.end());
}

TEST_P(LogIndex, ADamagedMergedIndexIsPassedOver) {
  store(0, 5);
  archive.store_log_index(kTimeline, 0);
  const std::string name = catalog::log_index_name(kIncarnation, kTimeline, 0, 1);
  Bytes bad = *memory.store->get(name);
  bad[bad.size() / 2] ^= 1;
  memory.store->overwrite(name, bad);
  const auto source = make_index_source(archive, read_inventory(archive));
  expect_rows_tell_everything(*source, kStart, wal.end());
}

TEST_P(LogIndex, RowsOfOverlappingPiecesAndAnOpenObject) {
  store(0, 4);
  Lsn at = kLogEnd + kMegabyte;
  for (const std::uint64_t step : {5000U, 60'000U, 3U, 40'000U}) {
    wal.store_piece(archive, at, at + step);
    at += step - std::min<std::uint64_t>(step, 700);
  }
  auto open = archive.open_segment(kTimeline, at);
  for (const std::uint64_t step : {3000U, 9000U}) {
    open->append(wal.bytes(open->end(), open->end() + step), wal.index(open->end(), open->end() + step));
  }
  open->sync();
  const auto source = make_index_source(archive, read_inventory(archive));
  expect_rows_tell_everything(*source, kStart, open->end());
}

// Between planning and loading the archiver replaced the pieces by their segment.
TEST_P(LogIndex, RowsOutliveTheirPieces) {
  store(0, 3);
  wal.store_piece(archive, kLogEnd, kLogEnd + 50'000);
  wal.store_piece(archive, kLogEnd + 50'000, kLogEnd + 90'000);
  const auto source = make_index_source(archive, read_inventory(archive));
  const auto rows = source->rows(kTimeline, kStart, kLogEnd + 90'000);
  ASSERT_EQ(rows.size(), 5U);
  store(3, 4);
  archive.remove_superseded(kTimeline, wal::SegmentNo(wal.first_segment().value() + 3));
  EXPECT_EQ(source->load(rows[3]).ends, wal.index(kLogEnd, kLogEnd + 50'000).ends);
  EXPECT_EQ(source->load(rows[4]).ends, wal.index(kLogEnd + 50'000, kLogEnd + 90'000).ends);
}

}  // namespace
}  // namespace tidemark::repository
