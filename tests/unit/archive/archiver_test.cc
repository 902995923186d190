#include "archive/archiver.h"

#include "disk/directory_walk.h"
#include "repository/catalog_reader.h"
#include "unit/archive/archiving.h"

namespace tidemark::archive {
namespace {

using test::Archiving;
using test::eventually;
using test::Gate;
using test::kIncarnation;
using test::kSmallSegment;
using test::kSystem;
using test::WalWriter;

constexpr std::uint64_t kMiB = 1U << 20;
const TimelineId kOne(1), kTwo(2);

WalWriter load(std::size_t bytes, std::uint32_t seed = 1) {
  WalWriter writer({.segment_size = kSmallSegment});
  test::write_load(writer, bytes, seed);
  return writer;
}

std::vector<std::string> names_below(const store::MemoryStore& store, const std::string& folder) {
  std::vector<std::string> names;
  store.list(folder, "", [&](const ObjectInfo& object) {
    names.push_back(object.name);
    return true;
  });
  return names;
}

TEST(Archiver, RefusesToRunWithoutARequiredRepository) {
  Archiving test;
  test.add("offsite", false);
  EXPECT_THROW(test.start(), Error);
}

TEST(Archiver, ShipsWhatItReceivesAndTellsTheServer) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(3 * kMiB + 300'000);
  test.serve(writer, writer.start() + 100'000);
  test.start();
  EXPECT_TRUE(test.told(writer.start() + 100'000));
  test.server.flush_to(writer.end());
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
  test.stop();
  const auto status = test.archiver->status();
  EXPECT_EQ(status.state, ArchiveState::idle);
  EXPECT_EQ(status.flush, writer.end());
  // Full segments took the place of what was shipped while they were open.
  EXPECT_EQ(repository.archive->list(kOne).size(), 4U);
}

TEST(Archiver, StoresWithoutAppendGetPieces) {
  Archiving test;
  auto& repository = test.add("local", true, false);
  const WalWriter writer = load(kMiB + 200'000);
  test.serve(writer, writer.start() + 50'000);
  test.start();
  EXPECT_TRUE(test.told(writer.start() + 50'000));
  test.server.flush_to(writer.end());
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
  for (const auto& range : repository.archive->list(kOne)) EXPECT_NE(range.kind, wal::RangeKind::open);
}

TEST(Archiver, IndexOfAStoredSegmentIsThatOfOnePassOverAllWal) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(4 * kMiB);
  test.server.set_message_bytes(7001);
  test.serve(writer, writer.start() + 300'000);
  test.start();
  EXPECT_TRUE(test.told(writer.start() + 300'000));
  test.stop();
  test.server.flush_to(writer.end());
  test.start();  // in the middle of the first segment, and later of records that cross segments
  EXPECT_TRUE(test.told(writer.end()));
  test.stop();
  const auto segment = wal::segment_of_start(writer.start(), kSmallSegment);
  for (std::uint64_t i = 0; i < 4; ++i) {
    const wal::SegmentNo number(segment.value() + i);
    for (const auto& range : repository.archive->list(kOne)) {
      if (range.segment != number || range.kind != wal::RangeKind::segment) continue;
      EXPECT_EQ(repository.archive->read_index(range), test::index_of(writer, range.start, range.end)) << i;
    }
  }
}

// The commit record lies across a segment's end, and the archiver is restarted right there.
TEST(Archiver, RecordAcrossTheSegmentWhereANewProcessBeginsIsIndexed) {
  Archiving test;
  auto& repository = test.add("local");
  WalWriter writer({.segment_size = kSmallSegment});
  test::write_load(writer, kMiB - 50'000);
  const auto first_end = wal::segment_of_start(writer.start(), kSmallSegment).end(kSmallSegment);
  const auto crossing = writer.message(4711, 200'000);
  ASSERT_LT(crossing.start, first_end);
  ASSERT_GT(crossing.end, first_end);
  const auto commit = writer.commit(4711, Instant::from_unix(1'790'000'000'000'000));
  test.serve(writer, first_end);
  test.start();
  EXPECT_TRUE(test.told(first_end));
  test.stop();
  test.server.flush_to(writer.end());
  test.start();
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_EQ(test.server.last_start(), first_end);
  test.stop();
  wal::WalIndex second;
  second.start = second.end = first_end;
  second.timeline = kOne;
  for (const auto& range : repository.archive->list(kOne)) {
    if (range.start >= first_end) second.append(repository.archive->read_index(range));
  }
  EXPECT_EQ(second.first_record, crossing.start);
  ASSERT_EQ(second.ends.size(), 1U);
  EXPECT_EQ(second.ends[0].start, commit.start);
}

TEST(Archiver, NewProcessComparesWhatIsSentAgain) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(2 * kMiB);
  const Lsn middle = writer.start() + kMiB + 400'000;
  test.serve(writer, middle);
  test.start();
  EXPECT_TRUE(test.told(middle));
  test.stop();
  test.server.flush_to(writer.end());
  test.start();
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_EQ(test.server.last_start(), writer.start() + kMiB);
  EXPECT_EQ(test.archiver->status().counters.compared_bytes, 400'000U);
  test.stop();
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
}

TEST(Archiver, OtherBytesOnTheSameTimelineAreRefused) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(kMiB / 2);
  test.serve(writer, writer.end());
  test.start();
  EXPECT_TRUE(test.told(writer.end()));
  test.stop();
  const auto before = names_below(*repository.memory, "");
  // Another history of the same timeline, which leaves the archived one behind the first half.
  WalWriter other({.segment_size = kSmallSegment});
  test::write_load(other, kMiB / 2 + 100'000, 2);
  test.serve(other, other.end());
  test.start();
  EXPECT_TRUE(test.reaches(ArchiveState::divergent));
  const auto status = test.archiver->status();
  EXPECT_GE(status.counters.errors.at("divergent_wal"), 1U);
  test.stop();
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
  EXPECT_EQ(test.server.told().flush, writer.end());
}

TEST(Archiver, ReconnectGoesOnInMemoryAndSeesDivergence) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(kMiB);
  test.serve(writer, writer.start() + 500'000);
  test.start();
  EXPECT_TRUE(test.received(writer.start() + 500'000));
  test.server.cut();
  EXPECT_TRUE(eventually([&] { return test.archiver->status().counters.compared_bytes == 500'000; }));
  test.server.flush_to(writer.start() + 600'000);
  EXPECT_TRUE(test.told(writer.start() + 600'000));
  Bytes changed = writer.bytes();
  changed[550'000] ^= 1;
  test.server.set_wal(kOne, writer.start(), changed);
  test.server.cut();
  EXPECT_TRUE(test.reaches(ArchiveState::divergent));
  test.stop();
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.start() + 600'000));
}

TEST(Archiver, InvalidWalIsNotArchived) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(kMiB / 2);
  Bytes broken = writer.bytes();
  broken[300'000] ^= 0x55;
  test.serve(writer, writer.end());
  test.server.set_wal(kOne, writer.start(), broken);
  test.start();
  EXPECT_TRUE(eventually([&] { return test.archiver->status().counters.errors.contains("corrupt"); }));
  test.server.set_wal(kOne, writer.start(), writer.bytes());
  test.server.cut();
  EXPECT_TRUE(test.told(writer.end()));
  test.stop();
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
}

TEST(Archiver, FollowsTheServerToANewTimeline) {
  for (const bool restarted : {false, true}) {
    Archiving test;
    auto& repository = test.add("local");
    WalWriter writer = load(kMiB + 300'000);
    const Lsn switched = writer.end();
    test.serve(writer, switched);
    test.start();
    EXPECT_TRUE(test.told(switched));
    if (restarted) test.stop();
    // The child: the parent's bytes up to the switch, then its own, from the start of the segment.
    const Bytes parent = writer.bytes();
    const auto begin = wal::segment_of_start(switched, kSmallSegment).start(kSmallSegment);
    writer.set_timeline(kTwo);
    writer.end_of_recovery(kTwo, kOne, Instant::from_unix(1'790'000'000'000'000));
    test::write_load(writer, kMiB, 3);
    const std::string history = "1\t" + switched.to_string() + "\tno recovery target specified\n";
    test.server.end_timeline(kOne, switched, kTwo);
    test.server.set_wal(kTwo, begin, writer.from(begin), history);
    test.server.flush_to(writer.end());
    test.server.cut();
    if (restarted) test.start();
    EXPECT_TRUE(test.told(writer.end()));
    EXPECT_EQ(test.archiver->status().timeline, kTwo);
    test.stop();
    EXPECT_EQ(repository.archive->read_history(kTwo), history);
    EXPECT_TRUE(repository.archive->read_claim(kTwo));
    EXPECT_TRUE(repository.holds(writer, kTwo, begin, writer.end()));
    EXPECT_EQ(repository.archive->contiguous_end(kOne, begin), switched);
  }
}

TEST(Archiver, FinishesTheOldTimelineBeforeTheNewOne) {
  Archiving test;
  auto& repository = test.add("local");
  WalWriter writer = load(2 * kMiB + 300'000);
  const Lsn switched = writer.end();
  test.serve(writer, writer.start() + 200'000);
  test.start();
  EXPECT_TRUE(test.told(writer.start() + 200'000));
  test.server.cut(true);
  const auto begin = wal::segment_of_start(switched, kSmallSegment).start(kSmallSegment);
  writer.set_timeline(kTwo);
  writer.end_of_recovery(kTwo, kOne, Instant::from_unix(1'790'000'000'000'000));
  test.server.end_timeline(kOne, switched, kTwo);
  test.server.set_wal(kTwo, begin, writer.from(begin), "1\t" + switched.to_string() + "\tx\n");
  test.server.flush_to(writer.end());
  test.server.come_up();
  EXPECT_TRUE(test.told(writer.end()));
  test.stop();
  EXPECT_EQ(repository.archive->contiguous_end(kOne, writer.start()), switched);
  EXPECT_TRUE(repository.holds(writer, kTwo, begin, writer.end()));
}

TEST(Archiver, ServerOnAnOldTimelineIsRefused) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(300'000);
  WalWriter newer({.segment_size = kSmallSegment, .timeline = kTwo});
  test::write_load(newer, 100'000);
  repository.archive->store_piece(kTwo, newer.start(), newer.bytes(),
                                  test::index_of(newer, newer.start(), newer.end()));
  test.serve(writer, writer.end());
  test.start();
  EXPECT_TRUE(test.reaches(ArchiveState::divergent));
  EXPECT_GE(test.archiver->status().counters.errors.at("server_on_old_timeline"), 1U);
  test.stop();
  EXPECT_EQ(test.server.starts(), 0U);
}

TEST(Archiver, ServerBehindTheArchiveIsRefused) {
  Archiving test;
  test.add("local");
  const WalWriter writer = load(300'000);
  test.serve(writer, writer.end());
  test.start();
  EXPECT_TRUE(test.told(writer.end()));
  test.server.flush_to(writer.start() + 100'000);
  test.server.cut();
  EXPECT_TRUE(test.reaches(ArchiveState::divergent));
  EXPECT_GE(test.archiver->status().counters.errors.at("ahead_of_server"), 1U);
  EXPECT_EQ(test.server.told().flush, writer.end());
  test.server.flush_to(writer.end());
  EXPECT_TRUE(test.reaches(ArchiveState::streaming));
}

TEST(Archiver, OtherClusterIsRefused) {
  Archiving test;
  auto& repository = test.add("local");
  repository.archive = std::make_shared<repository::WalArchive>(
      repository.archive->shared_repository(), catalog::Incarnation{"main", 15, SystemId(42)}, kSmallSegment);
  const WalWriter writer = load(100'000);
  test.serve(writer, writer.end());
  test.start();
  EXPECT_TRUE(test.reaches(ArchiveState::divergent));
  EXPECT_GE(test.archiver->status().counters.errors.at("other_cluster"), 1U);
}

TEST(Archiver, WaitingForAPositionShipsItAtOnce) {
  Archiving test;
  test.add("local");
  test.options.rpo_objective = std::chrono::hours(1);
  const WalWriter writer = load(300'000);
  test.serve(writer, writer.end());
  test.start();
  const auto soon = [] { return std::chrono::steady_clock::now() + std::chrono::seconds(20); };
  EXPECT_TRUE(test.archiver->wait_until_durable(writer.end(), soon(), StopToken()));
  EXPECT_FALSE(
      test.archiver->wait_until_durable(writer.end() + 1, std::chrono::steady_clock::now(), StopToken()));
  StopSource stopped;
  stopped.request_stop();
  EXPECT_FALSE(test.archiver->wait_until_durable(writer.end() + 1, soon(), stopped.token()));
}

TEST(Archiver, CommitsThatWaitForUsShipAtOnce) {
  Archiving test;
  test.add("local");
  test.options.rpo_objective = std::chrono::hours(1);
  test.options.idle_ship_age = std::chrono::hours(1);
  const WalWriter writer = load(300'000);
  test.serve(writer, writer.end());
  test.server.set_sync_state("sync");
  test.start();
  EXPECT_TRUE(eventually([&] {
    return test.archiver->status().lanes.size() == 1 &&
           !test.archiver->status().lanes[0].oldest_undurable_commit &&
           test.archiver->status().received == writer.end();
  }));
}

TEST(Archiver, OldestCommitThatIsNotDurableIsTold) {
  Archiving test;
  auto& repository = test.add("local");
  WalWriter writer({.segment_size = kSmallSegment});
  const Instant first = Instant::from_unix(1'790'000'000'000'000);
  writer.commit(1, first);
  const Lsn shipped = writer.end();
  writer.commit(2, first + std::chrono::seconds(9));
  writer.commit(3, first + std::chrono::seconds(5));  // the clock stepped back
  test.serve(writer, shipped);
  test.start();
  EXPECT_TRUE(test.told(shipped));
  repository.gate->set(Gate::Mode::hanging);
  test.server.flush_to(writer.end());
  EXPECT_TRUE(test.received(writer.end()));
  const auto status = test.archiver->status();
  EXPECT_EQ(status.lanes.at(0).oldest_undurable_commit, first + std::chrono::seconds(5));
  const auto facts = status.rpo_facts(first + std::chrono::seconds(20));
  EXPECT_EQ(facts.durable, shipped);
  EXPECT_EQ(facts.received, writer.end());
  EXPECT_EQ(facts.oldest_undurable_commit, first + std::chrono::seconds(5));
  repository.gate->set(Gate::Mode::open);
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_EQ(test.archiver->status().lanes.at(0).oldest_undurable_commit, std::nullopt);
}

TEST(Archiver, IdleServerIsProvenAndTheProofIsStored) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(300'000);
  test.serve(writer, writer.end());
  const Instant clock = Instant::from_unix(1'795'000'000'000'000);
  test.server.set_insert(writer.end(), clock);
  test.start();
  EXPECT_TRUE(eventually([&] {
    const auto proof = test.archiver->status().last_proof;
    return proof && proof->time == clock;
  }));
  test.server.set_insert(writer.end(), clock + std::chrono::seconds(30));
  EXPECT_TRUE(eventually(
      [&] { return test.archiver->status().last_proof->time == clock + std::chrono::seconds(30); }));
  test.stop();
  const auto marks = repository::read_marks(*repository.archive, catalog::kMarkIdleProof, 10);
  ASSERT_GE(marks.size(), 1U);
  const auto newest = catalog::IdleProof::parse(marks.front());
  EXPECT_EQ(newest.time, clock + std::chrono::seconds(30));
  EXPECT_LE(newest.lsn, writer.end());
}

TEST(Archiver, RemovedWalAndLostSlotAreShownAndNewWalOpensAGap) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(6 * kMiB);
  test.serve(writer, writer.start() + 300'000);
  test.start();
  EXPECT_TRUE(test.told(writer.start() + 300'000));
  auto slot = postgres::SlotState{"tidemark", false, writer.start(), "lost", {}, 0};
  test.server.set_slot(slot);
  test.server.cut();
  EXPECT_TRUE(test.reaches(ArchiveState::slot_lost));
  // Made anew by the operator: the server begins behind what was archived.
  const Lsn kept = writer.start() + 3 * kMiB;
  slot.wal_status = "reserved";
  slot.restart_lsn = kept + 5000;
  test.server.set_wal(kOne, kept, writer.from(kept));
  test.server.flush_to(writer.end());
  test.server.set_slot(slot);
  EXPECT_TRUE(test.told(writer.end()));
  const auto status = test.archiver->status();
  ASSERT_TRUE(status.last_gap);
  EXPECT_EQ(status.last_gap->from, writer.start() + 300'000);
  EXPECT_EQ(status.last_gap->to, kept);
  test.stop();
  EXPECT_TRUE(repository.holds(writer, kOne, kept, writer.end()));
  EXPECT_EQ(repository.archive->contiguous_end(kOne, writer.start()), writer.start() + 300'000);
}

TEST(Archiver, MissingSlotIsMadeAndArchivingBeginsWithItsSegment) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(2 * kMiB + 300'000);
  test.serve(writer, writer.end());
  test.server.set_slot(std::nullopt);
  test.start();
  EXPECT_TRUE(test.told(writer.end()));
  const Lsn begin = writer.start() + 2 * kMiB;
  EXPECT_EQ(test.server.last_start(), begin);
  EXPECT_FALSE(test.archiver->status().last_gap);
  EXPECT_TRUE(repository.holds(writer, kOne, begin, writer.end()));
}

TEST(Archiver, RemovedWalIsTriedAgainWithoutRewinding) {
  Archiving test;
  test.add("local");
  const WalWriter writer = load(kMiB);
  test.serve(writer, writer.end());
  test.server.refuse_start(std::pair(ErrorKind::refused, std::string("wal_removed")));
  test.start();
  EXPECT_TRUE(test.reaches(ArchiveState::wal_removed));
  test.server.refuse_start(std::nullopt);
  EXPECT_TRUE(test.told(writer.end()));
}

TEST(Archiver, SpoolIsEmptyWhenEverythingIsDurable) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(2 * kMiB + 200'000);
  repository.gate->set(Gate::Mode::failing);
  test.serve(writer, writer.end());
  test.start();
  EXPECT_TRUE(eventually([&] { return test.server.told().write >= writer.end(); }));
  EXPECT_EQ(disk::list_folder(test.folder / "spool").size(), 3U);
  repository.gate->set(Gate::Mode::open);
  EXPECT_TRUE(test.told(writer.end()));
  test.stop();
  EXPECT_TRUE(disk::list_folder(test.folder / "spool").empty());
}

TEST(Archiver, WorksWithoutASpool) {
  Archiving test;
  test.options.spool.reset();
  auto& repository = test.add("local");
  const WalWriter writer = load(2 * kMiB);
  test.serve(writer, writer.end());
  test.start();
  EXPECT_TRUE(test.told(writer.end()));
  EXPECT_EQ(test.server.told().write, writer.end());
  EXPECT_TRUE(repository.holds(writer, kOne, writer.start(), writer.end()));
}

TEST(Archiver, IdentityAndCheckpointAreStored) {
  Archiving test;
  auto& repository = test.add("local");
  const WalWriter writer = load(300'000);
  test.serve(writer, writer.end());
  test.start();
  EXPECT_TRUE(test.told(writer.end()));
  test.stop();
  const auto identity = repository::newest_identity(repository.archive->repository(), kIncarnation);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->segment_bytes, kSmallSegment.bytes());
  EXPECT_EQ(identity->server_version_number, 150'018);
  EXPECT_FALSE(names_below(*repository.memory, catalog::checkpoints_folder(kIncarnation)).empty());
}

}  // namespace
}  // namespace tidemark::archive
