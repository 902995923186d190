#include "repository/backup_store.h"

#include "repository/pack_contents.h"
#include "sample.h"

namespace tidemark::repository {
namespace {

const BackupId kId(Instant::from_postgres(800'000'000'000'000), 1);
const BackupId kOlder(Instant::from_postgres(700'000'000'000'000), 2);

Bytes pages(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(count);
  for (Byte& byte : bytes) byte = static_cast<Byte>(random() % 5);
  return bytes;
}

class Backups : public RepositoryTest {
 protected:
  Hash128 hash(ByteView bytes) const { return xxh3_128(bytes, repository->hash_seed()); }
  PackWriter writer_of(const BackupId& id, std::uint64_t target, std::uint32_t first = 0) {
    return {*repository, kIncarnation, id, target, [next = first]() mutable { return next++; }};
  }
  catalog::Extent extent_of(ByteView bytes, const catalog::FrameLocation& place) const {
    catalog::Extent extent;
    extent.hash = hash(bytes);
    extent.plain_bytes = static_cast<std::uint32_t>(bytes.size());
    extent.base = place;
    return extent;
  }
  BackupStore backups{repository, kIncarnation};
};
INSTANTIATE_TEST_SUITE_P(Stores, Backups, kVariants, variant_name);

TEST_P(Backups, GiveExtentsBackFromManyPacks) {
  PackWriter writer = writer_of(kId, 200'000);
  std::vector<std::pair<Bytes, catalog::Extent>> extents;
  EXPECT_TRUE(writer.empty());
  for (std::size_t i = 0; i < 60; ++i) {
    Bytes bytes = pages(8192 * (1 + i % 20), i);
    const auto place = writer.add(bytes, hash(bytes));
    extents.emplace_back(bytes, extent_of(bytes, place));
    if (writer.full() || i == 59) {
      FinishedPack pack = writer.finish();
      EXPECT_EQ(pack.number, place.pack);
      EXPECT_LT(pack.live_bytes, pack.bytes.size());
      EXPECT_LT(pack.bytes.size(), 300'000U);
      backups.put_pack(pack);
      backups.put_pack(pack);  // tried again
      EXPECT_TRUE(writer.empty());
    }
  }
  EXPECT_GT(backups.list_packs(kId).size(), 5U);
  ExtentReader reader(repository, kIncarnation, {kId});
  std::mt19937_64 random(1);
  std::ranges::shuffle(extents, random);
  for (const auto& [bytes, extent] : extents) ASSERT_TRUE(std::ranges::equal(reader.read(extent), bytes));
}

TEST_P(Backups, ExtentsOfZerosNeedNoFrame) {
  catalog::Extent extent;
  extent.zero = true;
  extent.plain_bytes = 5000;
  ExtentReader reader(repository, kIncarnation, {});
  EXPECT_TRUE(std::ranges::equal(reader.read(extent), Bytes(5000)));
}

TEST_P(Backups, ExtentsArePatchedFromOtherBackups) {
  constexpr std::size_t kPage = 8192;
  Bytes base = pages(10 * kPage, 1);
  PackWriter older = writer_of(kOlder, 1U << 20);
  catalog::Extent extent = extent_of(base, older.add(base, hash(base)));
  extent.base.owner = 1;
  backups.put_pack(older.finish());

  PackWriter writer = writer_of(kId, 1U << 20);
  Bytes first = pages(3 * kPage, 2), second = pages(2 * kPage, 3);
  extent.patches.push_back({writer.add(first, hash(first)), {0, 4, 11}});
  extent.patches.push_back({writer.add(second, hash(second)), {4, 5}});
  backups.put_pack(writer.finish());

  Bytes expected = base;
  expected.resize(12 * kPage);
  const auto put = [&](const Bytes& from, std::size_t index, std::size_t block) {
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(index * kPage), kPage,
                expected.begin() + static_cast<std::ptrdiff_t>(block * kPage));
  };
  put(first, 0, 0), put(first, 1, 4), put(first, 2, 11), put(second, 0, 4), put(second, 1, 5);
  extent.plain_bytes = static_cast<std::uint32_t>(expected.size());
  extent.hash = hash(expected);
  ExtentReader reader(repository, kIncarnation, {kId, kOlder});
  EXPECT_TRUE(std::ranges::equal(reader.read(extent), expected));

  extent.hash.low ^= 1;
  EXPECT_EQ(code_of([&] { reader.read(extent); }), "damaged_object");
  extent.hash.low ^= 1;
  extent.patches[0].blocks = {0, 4, 12};
  EXPECT_EQ(code_of([&] { reader.read(extent); }), "damaged_object");
  extent.base.owner = 2;
  EXPECT_EQ(code_of([&] { reader.read(extent); }), "corrupt");
}

TEST_P(Backups, RefuseAFrameThatIsNotTheExtent) {
  PackWriter writer = writer_of(kId, 1U << 20);
  const Bytes one = pages(8192, 1), two = pages(8192, 2);
  const auto first = writer.add(one, hash(one));
  const auto second = writer.add(two, hash(two));
  const FinishedPack pack = writer.finish();
  backups.put_pack(pack);
  ExtentReader reader(repository, kIncarnation, {kId});
  EXPECT_EQ(code_of([&] { reader.read(extent_of(one, second)); }), "damaged_object");
  catalog::FrameLocation wrong = first;
  wrong.frame = 1;
  EXPECT_EQ(code_of([&] { reader.read(extent_of(one, wrong)); }), "damaged_object");
  wrong = first;
  wrong.offset = 1U << 30;
  const std::string why = message_of([&] { reader.read(extent_of(one, wrong)); });
  EXPECT_NE(why.find(pack.name), why.npos) << why;
  wrong = first;
  wrong.pack = 7;
  EXPECT_EQ(code_of([&] { reader.read(extent_of(one, wrong)); }), "object_missing");
}

TEST_P(Backups, KeepPartsNamesBegunAndManifest) {
  EXPECT_TRUE(backups.list().empty());
  const catalog::Begun begun{kId, {}, kTimeline, Lsn(0x3000028), Instant::from_postgres(9)};
  backups.put_begun(begun);
  EXPECT_EQ(backups.list(), std::vector{kId});
  EXPECT_EQ(backups.find_begun(kId), begun);
  EXPECT_FALSE(backups.find_manifest(kId).has_value());
  EXPECT_FALSE(backups.find_names(kId).has_value());
  EXPECT_FALSE(backups.find_begun(kOlder).has_value());

  const Bytes part = pages(3'000'000, 4);
  backups.put_part(kId, 3, part);
  catalog::RememberedNames names;
  names.databases = {{5, "postgres"}};
  backups.put_names(kId, names);
  catalog::Manifest manifest;
  manifest.header.id = kId;
  manifest.header.timeline = kTimeline;
  manifest.owners = {kId};
  manifest.parts = {{0, 3, "base/5/1", hash(part)}};
  backups.put_manifest(manifest);
  backups.put_manifest(manifest);

  EXPECT_EQ(backups.find_manifest(kId), manifest);
  EXPECT_EQ(backups.find_header(kId), manifest.header);
  EXPECT_EQ(backups.find_names(kId), names);
  EXPECT_EQ(backups.get_part(manifest, manifest.parts[0]), part);
  manifest.parts[0].hash.high ^= 1;
  EXPECT_EQ(code_of([&] { backups.get_part(manifest, manifest.parts[0]); }), "damaged_object");
  EXPECT_EQ(code_of([&] { backups.put_manifest(manifest); }), "name_taken");
  EXPECT_EQ(backups.list(), std::vector{kId});
}

TEST_P(Backups, UnfinishedOnesGiveTheirFramesAway) {
  PackWriter writer = writer_of(kOlder, 50'000);
  std::vector<std::pair<Bytes, catalog::FrameLocation>> frames;
  for (std::size_t i = 0; i < 9; ++i) {
    Bytes bytes = pages(30'000, i);
    const auto place = writer.add(bytes, hash(bytes));
    frames.emplace_back(std::move(bytes), place);
    if (writer.full()) backups.put_pack(writer.finish());
  }
  if (!writer.empty()) backups.put_pack(writer.finish());
  const auto found = backups.frames_of_unfinished(kOlder);
  ASSERT_EQ(found.size(), frames.size());
  ExtentReader reader(repository, kIncarnation, {kId, kOlder});
  for (const auto& [bytes, place] : frames) {
    ASSERT_TRUE(found.contains(hash(bytes)));
    catalog::FrameLocation again = found.at(hash(bytes));
    EXPECT_EQ(again, place);
    again.owner = 1;
    EXPECT_TRUE(std::ranges::equal(reader.read(extent_of(bytes, again)), bytes));
  }
  EXPECT_TRUE(backups.frames_of_unfinished(kId).empty());
}

TEST(Pack, TellsWhatItHolds) {
  const MemoryRepository memory(true);
  BackupStore backups(memory.repository, kIncarnation);
  PackWriter writer(*memory.repository, kIncarnation, kId, 1U << 20, [] { return 4U; });
  std::vector<PackFrame> expected;
  for (std::size_t i = 1; i < 5; ++i) {
    const Bytes bytes = pages(1000 * i, i);
    const Hash128 hash = xxh3_128(bytes, memory.repository->hash_seed());
    const auto place = writer.add(bytes, hash);
    expected.push_back({place.stored_bytes, static_cast<std::uint32_t>(bytes.size()), hash});
  }
  const FinishedPack pack = writer.finish();
  backups.put_pack(pack);
  const PackContents contents = backups.read_pack_contents(kId, 4);
  EXPECT_EQ(contents.frames, expected);
  EXPECT_EQ(contents.backup, kId);
  EXPECT_EQ(contents.pack, 4U);
  EXPECT_EQ(code_of([&] { backups.read_pack_contents(kId, 5); }), "object_missing");

  Bytes bad = pack.bytes;
  bad[bad.size() - 60] ^= 1;
  memory.store->overwrite(pack.name, bad);
  EXPECT_EQ(code_of([&] { backups.read_pack_contents(kId, 4); }), "damaged_object");
  EXPECT_TRUE(backups.frames_of_unfinished(kId).empty());
  EXPECT_EQ(code_of([&] { backups.put_pack(pack); }), "name_taken");
}

TEST(Pack, IsFullWhenItsTableIs) {
  const MemoryRepository memory;
  PackWriter writer(*memory.repository, kIncarnation, kId, 1U << 30, [] { return 1U; });
  const Bytes tiny = {1};
  std::size_t count = 0;
  while (!writer.full()) {
    writer.add(tiny, Hash128{count, count * 0x9E3779B97F4A7C15ULL});
    ++count;
  }
  EXPECT_EQ(count, kFramesPerPackLimit);
  BackupStore backups(memory.repository, kIncarnation);
  backups.put_pack(writer.finish());
  EXPECT_EQ(backups.read_pack_contents(kId, 1).frames.size(), kFramesPerPackLimit);
}

TEST(Pack, EveryDamageIsNamed) {
  for (const bool encrypted : {false, true}) {
    const MemoryRepository memory(encrypted);
    BackupStore backups(memory.repository, kIncarnation);
    PackWriter writer(*memory.repository, kIncarnation, kId, 1U << 20, [] { return 1U; });
    const Bytes bytes = pages(8192, 1);
    catalog::Extent extent;
    extent.hash = xxh3_128(bytes, memory.repository->hash_seed());
    extent.plain_bytes = 8192;
    extent.base = writer.add(bytes, extent.hash);
    const FinishedPack pack = writer.finish();
    std::mt19937_64 random(2);
    for (int i = 0; i < 100; ++i) {
      Bytes bad = pack.bytes;
      const std::size_t frame_end = extent.base.offset + extent.base.stored_bytes;
      if (i % 4 == 0) {
        bad.resize(random() % frame_end);
      } else {
        const std::size_t bit = random() % (frame_end * 8);
        bad[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
      }
      memory.store->overwrite(pack.name, bad);
      const std::string why =
          message_of([&] { ExtentReader(memory.repository, kIncarnation, {kId}).read(extent); });
      EXPECT_NE(why.find(pack.name), why.npos) << i << ": " << why;
    }
  }
}

TEST(Manifest, ADamagedOneIsReadFromItsCopy) {
  const MemoryRepository memory(true);
  BackupStore backups(memory.repository, kIncarnation);
  catalog::Manifest manifest;
  manifest.header.id = kId;
  manifest.header.timeline = kTimeline;
  manifest.owners = {kId};
  backups.put_manifest(manifest);
  const std::string name = catalog::manifest_name(kIncarnation, kId);
  Bytes bad = *memory.store->get(name);
  bad.back() ^= 1;
  memory.store->overwrite(name, bad);
  EXPECT_EQ(backups.find_manifest(kId), manifest);
  EXPECT_EQ(backups.find_header(kId), manifest.header);
  memory.store->remove(catalog::manifest_copy_name(kIncarnation, kId));
  EXPECT_EQ(code_of([&] { backups.find_manifest(kId); }), "damaged_object");
}

TEST(Manifest, ACopyAloneIsNoBackup) {
  const MemoryRepository memory;
  BackupStore backups(memory.repository, kIncarnation);
  catalog::Manifest manifest;
  manifest.header.id = kId;
  manifest.header.timeline = kTimeline;
  manifest.owners = {kId};
  backups.put_manifest(manifest);
  memory.store->remove(catalog::manifest_name(kIncarnation, kId));
  EXPECT_FALSE(backups.find_manifest(kId).has_value());
}

}  // namespace
}  // namespace tidemark::repository
