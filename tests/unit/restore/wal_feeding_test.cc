// What restore_command is answered with: by the archive alone, and through the folder of ready files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "harness/program.h"
#include "harness/temporary_folder.h"
#include "restore/wal_fetch.h"
#include "store/memory_store.h"
#include "tidemark/error.h"

namespace tidemark::restore {
namespace {

using harness::TemporaryFolder;
using testing::ElementsAre;

const wal::SegmentSize kSize = *wal::SegmentSize::from_bytes(1 << 20);
const catalog::Incarnation kIncarnation{"main", 15, SystemId(7'000'000'000'000'000'001ULL)};

Lsn in_segment(std::uint64_t segment, std::uint64_t offset = 0) {
  return Lsn(segment * kSize.bytes() + offset);
}

class WalFeeding : public testing::Test {
 protected:
  WalFeeding() {
    repository::RepositoryOptions options;
    options.name = "memory";
    auto repository = repository::Repository::create(std::make_shared<store::MemoryStore>(), options);
    archive_ = std::make_shared<repository::WalArchive>(repository, kIncarnation, kSize);
    state_.session = "0123456789abcdef";
    state_.incarnation = kIncarnation;
    state_.segment_size = kSize;
    state_.timeline = TimelineId(2);
    state_.path = {{TimelineId(1), Lsn(), in_segment(6, 0x4000)},
                   {TimelineId(2), in_segment(6, 0x4000), Lsn(UINT64_MAX)}};
    state_.wal_from = in_segment(4, 0x28);
    state_.wal_to = in_segment(8, 0x8000);
    state_.claim_owner = "us";
  }

  static Bytes content(std::uint32_t timeline, std::uint64_t segment) {
    Bytes bytes(kSize.bytes());
    std::iota(bytes.begin(), bytes.end(), static_cast<Byte>(timeline * 31 + segment));
    return bytes;
  }
  static std::string name(std::uint32_t timeline, std::uint64_t segment) {
    return wal::segment_file_name(TimelineId(timeline), wal::SegmentNo(segment), kSize);
  }
  void store(std::uint32_t timeline, std::uint64_t segment) {
    wal::WalIndex index;
    index.start = in_segment(segment);
    index.end = in_segment(segment + 1);
    index.timeline = TimelineId(timeline);
    archive_->store_segment(TimelineId(timeline), wal::SegmentNo(segment), content(timeline, segment), index);
  }
  void store_piece(std::uint32_t timeline, std::uint64_t segment, std::size_t bytes) {
    wal::WalIndex index;
    index.start = in_segment(segment);
    index.end = in_segment(segment, bytes);
    index.timeline = TimelineId(timeline);
    const Bytes all = content(timeline, segment);
    archive_->store_piece(TimelineId(timeline), in_segment(segment), ByteView(all).first(bytes), index);
  }
  void store_plan() {
    for (const std::uint64_t segment : {4, 5, 6}) store(1, segment);
    for (const std::uint64_t segment : {6, 7}) store(2, segment);
    store_piece(2, 8, 0x8000);
    archive_->store_history(wal::TimelineHistory::parse(TimelineId(2), kHistory), kHistory);
  }
  WalFiles files() const { return {{archive_}, state_}; }

  static constexpr const char* kHistory = "1\t0/604000\tat restore point\n";
  std::shared_ptr<repository::WalArchive> archive_;
  RestoreState state_;
};

TEST_F(WalFeeding, PlansTheNewestTimelineFirst) {
  ASSERT_EQ(files().planned_count(), 5U);
  EXPECT_THAT(files().planned_names(0), ElementsAre(name(1, 4)));
  EXPECT_THAT(files().planned_names(2), ElementsAre(name(2, 6), name(1, 6)));
  EXPECT_THAT(files().planned_names(4), ElementsAre(name(2, 8)));
}

TEST_F(WalFeeding, PadsTheLastSegmentWithZeros) {
  store_plan();
  const auto last = files().get(name(2, 8));
  ASSERT_TRUE(last);
  EXPECT_EQ(last->size(), kSize.bytes());
  EXPECT_EQ(Bytes(last->begin(), last->begin() + 0x8000), [] {
    auto all = content(2, 8);
    all.resize(0x8000);
    return all;
  }());
  EXPECT_EQ(std::count(last->begin() + 0x8000, last->end(), Byte{0}), kSize.bytes() - 0x8000);
}

TEST_F(WalFeeding, SaysAbsentOnlyBeyondThePlan) {
  store_plan();
  EXPECT_FALSE(files().get(name(2, 9)));
  EXPECT_FALSE(files().get(name(2, 5)));  // the timeline began later
  EXPECT_FALSE(files().get("00000001.history"));
  EXPECT_FALSE(files().get(name(2, 6) + ".partial"));
  EXPECT_THROW(files().get("../../etc/passwd"), Error);
}

TEST_F(WalFeeding, MissingPlannedWalIsAnErrorAndNeverAbsent) {
  store(1, 4);
  store_piece(2, 8, 0x4000);
  for (const std::string& wanted : {name(1, 5), name(2, 7), name(2, 8), std::string("00000002.history")}) {
    try {
      files().get(wanted);
      ADD_FAILURE() << wanted << " was answered";
    } catch (const Error& failure) {
      EXPECT_EQ(failure.kind(), ErrorKind::unavailable) << wanted;
    }
  }
}

TEST_F(WalFeeding, AHoleIsAnErrorForAStandbyToo) {
  store(1, 4);
  store(1, 6);
  const WalFiles plain({archive_}, std::nullopt);
  EXPECT_TRUE(plain.get(name(1, 4)));
  EXPECT_THROW(plain.get(name(1, 5)), Error);
  EXPECT_FALSE(plain.get(name(1, 7)));
}

TEST_F(WalFeeding, TwoRestoresNeverTakeOneTimeline) {
  store_plan();
  EXPECT_FALSE(files().get("00000003.history"));
  EXPECT_FALSE(files().get("00000003.history")) << "asked again, it is still ours";
  RestoreState other = state_;
  other.claim_owner = "somebody else";
  const WalFiles theirs({archive_}, other);
  EXPECT_TRUE(theirs.get("00000003.history")) << "claimed, so it must look taken";
  EXPECT_FALSE(theirs.get("00000004.history"));
  EXPECT_EQ(*archive_->read_claim(TimelineId(3)), "us");
}

TEST_F(WalFeeding, AScratchCopyClaimsNothing) {
  state_.claims = false;
  EXPECT_FALSE(files().get("00000003.history"));
  EXPECT_FALSE(archive_->read_claim(TimelineId(3)));
}

class WalFolder : public WalFeeding {
 protected:
  WalFolder() : ops_(disk::real_ops()), folder_(data_.path(), state_.session) {
    ops_.make_folder(data_ / "pg_wal", 0700);
    folder_.create(ops_, mine_);
    store_plan();
    write_state(ops_, data_.path(), state_, mine_);
  }
  FetchRequest request(const std::string& wanted) const {
    FetchRequest request;
    request.name = wanted;
    request.destination = "pg_wal/RECOVERYXLOG";
    request.data_directory = data_.path();
    request.open_files = [](const auto&) -> std::unique_ptr<WalFiles> {
      throw Error(ErrorKind::internal, "the repository was opened");
    };
    return request;
  }
  Bytes fetched() const { return disk::read_whole_file(data_ / "pg_wal/RECOVERYXLOG"); }
  std::size_t ready() const { return disk::list_folder(folder_.path() / "ready").size(); }

  TemporaryFolder data_;
  disk::DurableOps& ops_;
  const Ownership mine_;
  ReadyFolder folder_;
};

TEST_F(WalFolder, AsksTheRestoreThatRuns) {
  const WalFiles served = files();
  const Prefetcher prefetcher(served, folder_, mine_, {}, ops_, StopToken());
  EXPECT_EQ(fetch_wal(request(name(1, 4)), ops_, StopToken()), FetchOutcome::fetched);
  EXPECT_EQ(fetched(), content(1, 4));
  EXPECT_EQ(fetch_wal(request(name(1, 4)), ops_, StopToken()), FetchOutcome::fetched)
      << "asked again, given again";
  EXPECT_EQ(fetched(), content(1, 4));
  EXPECT_EQ(fetch_wal(request("00000002.history"), ops_, StopToken()), FetchOutcome::fetched);
  EXPECT_EQ(std::string(as_text(fetched())), kHistory);
  EXPECT_EQ(fetch_wal(request(name(2, 9)), ops_, StopToken()), FetchOutcome::absent);
}

TEST_F(WalFolder, AnErrorTravelsToWhoAsks) {
  state_.wal_to = in_segment(12);  // more than is there
  const WalFiles served = files();
  const Prefetcher prefetcher(served, folder_, mine_, {}, ops_, StopToken());
  try {
    fetch_wal(request(name(2, 10)), ops_, StopToken());
    FAIL() << "was answered";
  } catch (const Error& failure) {
    EXPECT_THAT(failure.message(), testing::HasSubstr("is needed up to"));
  }
  EXPECT_THAT(prefetcher.last_error(), testing::HasSubstr("is needed up to"));
}

TEST_F(WalFolder, ReadsAheadWithinTheWindow) {
  PrefetchLimits limits;
  limits.ahead_files = 2;
  const WalFiles served = files();
  const Prefetcher prefetcher(served, folder_, mine_, limits, ops_, StopToken());
  for (std::uint64_t segment = 4; segment <= 8; ++segment) {
    const std::string wanted = name(segment < 6 ? 1 : 2, segment);
    EXPECT_TRUE(test::eventually([&] { return folder_.holds(wanted); })) << wanted;
    EXPECT_LE(ready(), 2U);
    EXPECT_TRUE(folder_.take(ops_, wanted, data_ / "pg_wal/RECOVERYXLOG"));
    EXPECT_EQ(fetched(), [&] {
      Bytes all = content(segment < 6 ? 1 : 2, segment);
      if (segment == 8) std::fill(all.begin() + 0x8000, all.end(), Byte{0});
      return all;
    }());
  }
  EXPECT_EQ(prefetcher.delivered_bytes(), 5U * kSize.bytes());
}

TEST_F(WalFolder, GoesOnWhereARestartedRecoveryAsks) {
  PrefetchLimits limits;
  limits.ahead_files = 2;
  const WalFiles served = files();
  const Prefetcher prefetcher(served, folder_, mine_, limits, ops_, StopToken());
  EXPECT_TRUE(test::eventually([&] { return folder_.holds(name(1, 4)) && folder_.holds(name(1, 5)); }));
  EXPECT_EQ(fetch_wal(request(name(2, 6)), ops_, StopToken()), FetchOutcome::fetched);
  EXPECT_TRUE(test::eventually([&] { return folder_.holds(name(2, 7)) && folder_.holds(name(2, 8)); }));
  EXPECT_FALSE(folder_.holds(name(1, 4)));
  EXPECT_FALSE(folder_.holds(name(1, 5)));
}

TEST_F(WalFolder, AloneItOpensTheRepository) {
  auto alone = request(name(2, 7));
  alone.open_files = [&](const std::optional<RestoreState>& found) {
    EXPECT_EQ(found, state_);
    return std::make_unique<WalFiles>(files());
  };
  int started = 0;
  alone.start_prefetcher = [&] { ++started; };
  EXPECT_EQ(fetch_wal(alone, ops_, StopToken()), FetchOutcome::fetched);
  EXPECT_EQ(fetched(), content(2, 7));
  EXPECT_EQ(started, 1);
  alone.name = name(2, 9);
  EXPECT_EQ(fetch_wal(alone, ops_, StopToken()), FetchOutcome::absent);
  EXPECT_EQ(started, 1);
}

TEST_F(WalFolder, OnlyOneServes) {
  const WalFiles served = files();
  const Prefetcher prefetcher(served, folder_, mine_, {}, ops_, StopToken());
  EXPECT_TRUE(folder_.served());
  EXPECT_THROW(Prefetcher(served, folder_, mine_, {}, ops_, StopToken()), Error);
}

TEST_F(WalFolder, ADeadPrefetchersFilesAreNotTrusted) {
  folder_.deliver(ops_, name(1, 4), as_bytes("torn by a crash"), mine_, false);
  const WalFiles served = files();
  const Prefetcher prefetcher(served, folder_, mine_, {}, ops_, StopToken());
  EXPECT_EQ(fetch_wal(request(name(1, 4)), ops_, StopToken()), FetchOutcome::fetched);
  EXPECT_EQ(fetched(), content(1, 4));
}

}  // namespace
}  // namespace tidemark::restore
