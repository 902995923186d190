#include "backup/part_assembler.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "flow/worker_group.h"
#include "store/memory_store.h"
#include "tidemark/error.h"

namespace tidemark::backup {
namespace {

struct Fixture {
  Fixture() {
    repository = repository::Repository::create(std::make_shared<store::MemoryStore>(),
                                                {.name = "memory", .key_file = {}});
    target = std::make_unique<BackupTarget>(repository, incarnation);
    catalog::Begun begun;
    begun.id = id;
    begun.timeline = TimelineId(1);
    target->begin(begun);
    storing = std::thread([this] { target->store_queued(); });
  }
  // Stores what was assembled and reads it back.
  std::vector<std::vector<catalog::FileEntry>> parts(const CopyTotals& totals) {
    target->queue().close();
    storing.join();
    const wal::SegmentSize size;
    catalog::Manifest manifest;
    manifest.header.id = id;
    manifest.header.extent_count = totals.extents;
    target->finish(manifest, {repository, incarnation, size});
    const auto stored = target->store().find_manifest(id);
    std::vector<std::vector<catalog::FileEntry>> all;
    for (const catalog::PartInfo& info : stored->parts) {
      const Bytes bytes = target->store().get_part(*stored, info);
      catalog::PartReader reader(bytes);
      auto& part = all.emplace_back();
      while (auto entry = reader.next()) part.push_back(std::move(*entry));
      EXPECT_EQ(info.first_path, part.front().path);
    }
    return all;
  }

  catalog::Incarnation incarnation{"main", 15, SystemId(7)};
  BackupId id{Instant(), 1};
  std::shared_ptr<repository::Repository> repository;
  std::unique_ptr<BackupTarget> target;
  std::thread storing;
};

CopiedUnit unit(std::uint64_t sequence, std::optional<catalog::FileEntry> begins, bool ends,
                std::optional<std::uint32_t> frame) {
  CopiedUnit made;
  made.sequence = sequence;
  made.begins = std::move(begins);
  made.ends = ends;
  if (frame) {
    catalog::Extent extent;
    extent.plain_bytes = catalog::kExtentBytes;
    extent.hash = {*frame, *frame};
    extent.base = {0, 1, *frame, *frame * 100ULL, 100};
    made.extents.push_back(extent);
  }
  return made;
}

catalog::FileEntry file(const std::string& path, std::uint64_t extents) {
  catalog::FileEntry entry;
  entry.path = path;
  entry.size_bytes = extents * catalog::kExtentBytes;
  return entry;
}

TEST(PartAssembler, RestoresOrderWhateverOrderWorkersFinishIn) {
  Fixture fixture;
  PartAssembler assembler({fixture.target.get()});
  std::vector<CopiedUnit> units;
  for (std::uint32_t n = 0; n < 500; ++n) {
    const bool begins = n % 5 == 0, ends = n % 5 == 4;
    units.push_back(
        unit(n, begins ? std::optional(file("f" + std::to_string(1000 + n), 5)) : std::nullopt, ends, n));
  }
  std::shuffle(units.begin(), units.end(), std::mt19937(1));
  for (CopiedUnit& each : units) assembler.deliver(std::move(each));
  const CopyTotals totals = assembler.finish();
  EXPECT_EQ(totals.files, 100U);
  EXPECT_EQ(totals.extents, 500U);
  EXPECT_EQ(totals.bytes, 500ULL << 20);
  const auto parts = fixture.parts(totals);
  ASSERT_EQ(parts.size(), 1U);
  ASSERT_EQ(parts[0].size(), 100U);
  std::uint32_t frame = 0;
  for (const catalog::FileEntry& entry : parts[0]) {
    ASSERT_EQ(entry.extents.size(), 5U);
    for (const catalog::Extent& extent : entry.extents) EXPECT_EQ(extent.base.frame, frame++);
  }
}

TEST(PartAssembler, CutsAFileThatNoPartCanHold) {
  Fixture fixture;
  PartAssembler assembler({fixture.target.get()});
  constexpr std::uint32_t kLarge = catalog::kExtentsPerPart * 2 + 10;
  assembler.deliver(unit(0, file("a", 1), true, 0));
  for (std::uint32_t n = 0; n < kLarge; ++n) {
    assembler.deliver(
        unit(n + 1, n == 0 ? std::optional(file("b", kLarge)) : std::nullopt, n + 1 == kLarge, n + 1));
  }
  assembler.deliver(unit(kLarge + 1, file("c", 0), true, std::nullopt));
  const auto parts = fixture.parts(assembler.finish());
  ASSERT_EQ(parts.size(), 3U);
  ASSERT_EQ(parts[0].size(), 2U);
  EXPECT_EQ(parts[0][1].first_extent, 0U);
  EXPECT_EQ(parts[0][1].extents.size(), catalog::kExtentsPerPart - 1);
  EXPECT_EQ(parts[1][0].path, "b");
  EXPECT_EQ(parts[1][0].first_extent, catalog::kExtentsPerPart - 1);
  EXPECT_EQ(parts[1][0].extents.size(), catalog::kExtentsPerPart);
  EXPECT_EQ(parts[2][0].first_extent, 2 * catalog::kExtentsPerPart - 1);
  EXPECT_EQ(parts[2][0].extents.size(), 11U);
  EXPECT_EQ(parts[2][1].path, "c");
}

TEST(PartAssembler, EndsAPartExactlyAtAFilesEnd) {
  Fixture fixture;
  PartAssembler assembler({fixture.target.get()});
  for (std::uint32_t n = 0; n < catalog::kExtentsPerPart; ++n) {
    assembler.deliver(unit(n, n == 0 ? std::optional(file("a", catalog::kExtentsPerPart)) : std::nullopt,
                           n + 1 == catalog::kExtentsPerPart, n));
  }
  assembler.deliver(unit(catalog::kExtentsPerPart, file("b", 1), true, 0));
  const auto parts = fixture.parts(assembler.finish());
  ASSERT_EQ(parts.size(), 2U);
  ASSERT_EQ(parts[0].size(), 1U);
  ASSERT_EQ(parts[1].size(), 1U);
  EXPECT_EQ(parts[1][0].first_extent, 0U);
}

TEST(PartAssembler, HoldsBackAWorkerThatIsFarAheadUntilTheSlowOneDelivers) {
  Fixture fixture;
  PartAssembler assembler({fixture.target.get()});
  std::atomic<std::uint64_t> delivered{0};
  std::thread ahead([&] {
    for (std::uint64_t n = 1; n <= kPendingUnits + 5; ++n) {
      assembler.deliver(unit(n, file("f" + std::to_string(100000 + n), 0), true, std::nullopt));
      delivered = n;
    }
  });
  while (delivered < kPendingUnits - 1) std::this_thread::yield();
  EXPECT_LE(delivered, kPendingUnits - 1);
  assembler.deliver(unit(0, file("f100000", 0), true, std::nullopt));
  ahead.join();
  EXPECT_EQ(assembler.finish().files, kPendingUnits + 6);
  fixture.parts({});
}

TEST(PartAssembler, WakesWhoWaitsWhenTheCopyFails) {
  Fixture fixture;
  PartAssembler assembler({fixture.target.get()});
  std::thread waiting(
      [&] { EXPECT_THROW(assembler.deliver(unit(kPendingUnits, file("z", 0), true, std::nullopt)), Error); });
  assembler.fail(std::make_exception_ptr(Error(ErrorKind::io, "the disk is full")));
  waiting.join();
  fixture.target->queue().close();
  fixture.storing.join();
}

}  // namespace
}  // namespace tidemark::backup
