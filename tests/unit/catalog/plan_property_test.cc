// The plan against brute force over random WAL.
#include <gtest/gtest.h>

#include <algorithm>

#include "catalog/restore_plan.h"
#include "samples.h"
#include "tidemark/error.h"
#include "wal_model.h"

namespace tidemark::catalog {
namespace {

constexpr int kWorlds = 200;
const TimelineId kOne(1);

struct RandomWorld {
  explicit RandomWorld(std::uint32_t seed) : random(seed) { build(); }

  std::int64_t upto(std::int64_t limit) {
    return std::uniform_int_distribution<std::int64_t>(0, limit)(random);
  }
  bool chance(int percent) { return upto(99) < percent; }

  std::mt19937 random;
  ModelWal wal{kOne, Lsn(16U << 20)};
  Inventory inventory;
  MemoryIndex index;
  std::int64_t clock = 1000;
  std::uint64_t xid = 100;
  std::vector<std::pair<Lsn, Lsn>> regions;  // archived

  void tick() {
    clock += upto(3);
    if (chance(3)) clock -= upto(40);
  }
  void add_random() {
    tick();
    // A commit's time is taken before its record gets its place.
    const Instant stamp = at(clock - (chance(20) ? upto(4) : 0));
    const std::uint64_t bytes = 40 + 8 * static_cast<std::uint64_t>(upto(40));
    switch (upto(9)) {
      case 0:
      case 1:
      case 2:
        wal.add(ModelKind::commit, stamp, xid++, bytes);
        break;
      case 3:
        wal.add(ModelKind::abort, stamp, xid++, bytes);
        break;
      case 4:
        wal.add(ModelKind::prepare, stamp, xid++, bytes);
        break;
      case 5:
        wal.add(ModelKind::commit_prepared, stamp, xid++, bytes);
        break;
      case 6:
        wal.add(ModelKind::running, stamp, 0, bytes);
        break;
      default:
        wal.add(ModelKind::other, stamp, 0, bytes);
        break;
    }
  }
  void build() {
    const int records = static_cast<int>(20 + upto(100));
    int backups = 0;
    for (int i = 0; i < records; ++i) {
      if (!chance(6) && !(backups == 0 && i == 5)) {
        add_random();
        continue;
      }
      const Instant started = at(clock);
      BackupHeader header = take_backup(wal, ++backups, started, started, [&] {
        for (std::int64_t inside = upto(4); inside > 0; --inside) add_random();
      });
      header.finished = at(clock);
      inventory.backups.push_back(header);
    }
    archive_regions();
    if (chance(60)) inventory.idle_proofs.push_back({at(clock + upto(20)), regions.back().second, kOne});
  }
  void archive_regions() {
    Lsn from = wal.begin();
    const auto length = static_cast<std::int64_t>(wal.end() - wal.begin());
    if (chance(40)) {
      const Lsn gap = wal.begin() + static_cast<std::uint64_t>(upto(length - 1) | 1);
      add_region(from, gap);
      from = gap + static_cast<std::uint64_t>(1 + upto(300));
    }
    if (from < wal.end())
      add_region(from, chance(30) ? wal.end() - static_cast<std::uint64_t>(upto(20)) : wal.end());
  }
  void add_region(Lsn from, Lsn to) {
    if (from >= to) return;
    std::vector<Lsn> cuts;
    for (std::int64_t i = upto(6); i > 0; --i) {
      cuts.push_back(from + static_cast<std::uint64_t>(upto(static_cast<std::int64_t>(to - from))));
    }
    archive(inventory, index, wal, from, to, cuts, chance(60));
    regions.emplace_back(from, to);
  }
};

// What the contract says, computed from the records alone.
struct Expected {
  std::vector<const BackupHeader*> backups;
  std::vector<ModelRecord> records;  // whole ones from the oldest backup's start to the end of unbroken WAL
  Instant from, to;
};

std::vector<Expected> brute_force_windows(const RandomWorld& world) {
  std::vector<Expected> windows;
  for (const auto& [from, to] : world.regions) {
    Expected window;
    for (const BackupHeader& backup : world.inventory.backups) {
      if (from <= backup.start && backup.stop <= to) window.backups.push_back(&backup);
    }
    if (window.backups.empty()) continue;
    window.from = window.to = window.backups.front()->finished;
    for (const ModelRecord& record : world.wal.records()) {
      if (record.start < window.backups.front()->start || record.end > to) continue;
      window.records.push_back(record);
      if (record.ends_transaction()) window.to = std::max(window.to, record.time);
    }
    for (const IdleProof& proof : world.inventory.idle_proofs) {
      if (proof.lsn >= window.backups.front()->start && proof.lsn <= to)
        window.to = std::max(window.to, proof.time);
    }
    windows.push_back(window);
  }
  return windows;
}

// What PostgreSQL would replay with this stop, from the backup on.
bool replayed(const ModelRecord& record, const StopPoint& stop) {
  return stop.inclusive ? record.start <= stop.lsn : record.start < stop.lsn;
}

void check_plan(const RestorePlan& plan, const Expected& window, Instant time) {
  const auto stopper = std::find_if(
      window.records.begin(), window.records.end(),
      [&](const ModelRecord& record) { return record.ends_transaction() && record.time > time; });
  std::optional<ModelRecord> last_kept, first_dropped;
  std::uint64_t skipped = 0, transactions = 0;
  for (auto record = window.records.begin(); record != window.records.end(); ++record) {
    const bool kept = record < stopper;
    EXPECT_EQ(replayed(*record, plan.stop), kept) << "record at " << record->start.to_string();
    if (!record->ends_transaction()) continue;
    if (kept && record->commits()) last_kept = *record;
    if (kept && record->start >= plan.backup.start) ++transactions;
    if (!kept && !first_dropped) first_dropped = *record;
    if (!kept && record->commits() && record->time <= time) ++skipped;
  }
  if (last_kept) {
    ASSERT_TRUE(plan.last_kept);
    EXPECT_EQ(plan.last_kept->start, last_kept->start);
  }
  ASSERT_EQ(plan.first_dropped.has_value(), first_dropped.has_value());
  if (first_dropped) {
    EXPECT_EQ(plan.first_dropped->start, first_dropped->start);
  }
  EXPECT_EQ(plan.skipped_older, skipped);
  EXPECT_EQ(plan.transactions, transactions);
  EXPECT_EQ(plan.stop.inclusive, stopper == window.records.end());
  // Consistent before the stop, and no newer backup is.
  const auto consistent = [&](const BackupHeader& backup) {
    return plan.stop.inclusive ? plan.stop.lsn >= backup.backup_end : plan.stop.lsn > backup.backup_end;
  };
  EXPECT_TRUE(consistent(plan.backup));
  for (const BackupHeader* backup : window.backups) {
    if (backup->start > plan.backup.start) {
      EXPECT_FALSE(consistent(*backup));
    }
  }
  EXPECT_EQ(plan.wal_from, plan.backup.start);
  EXPECT_GE(plan.wal_to, plan.backup.stop);
}

void check_refusal(const Error& error, const Expected* window, Instant time) {
  EXPECT_EQ(error.kind(), ErrorKind::refused) << error.what();
  if (window == nullptr) return;
  // Inside a window only a stopper within the oldest backup is a reason.
  const auto stopper = std::find_if(
      window->records.begin(), window->records.end(),
      [&](const ModelRecord& record) { return record.ends_transaction() && record.time > time; });
  ASSERT_NE(stopper, window->records.end()) << error.what();
  EXPECT_LE(stopper->start, window->backups.front()->backup_end) << error.what();
  EXPECT_EQ(error.code(), "target_before_window");
}

TEST(PlanProperty, TimesAreExactOnRandomWal) {
  int planned = 0, refused = 0;
  for (std::uint32_t seed = 0; seed < kWorlds; ++seed) {
    RandomWorld world(seed);
    const auto windows = brute_force_windows(world);
    for (std::int64_t t = 980; t < world.clock + 30; t += 1 + world.upto(5)) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " time " << t);
      const auto window = std::find_if(windows.begin(), windows.end(), [&](const Expected& one) {
        return one.from <= at(t) && at(t) <= one.to;
      });
      const Expected* expected = window == windows.end() ? nullptr : &*window;
      PlanRequest request;
      request.target.kind = TargetKind::time;
      request.target.time = at(t);
      try {
        const RestorePlan plan = make_restore_plan(world.inventory, request, world.index);
        ASSERT_NE(expected, nullptr);
        check_plan(plan, *expected, at(t));
        ++planned;
      } catch (const Error& error) {
        check_refusal(error, expected, at(t));
        ++refused;
      }
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(planned, 1500);
  EXPECT_GT(refused, 1500);
}

TEST(PlanProperty, WindowsMatchWhatCanBePlanned) {
  for (std::uint32_t seed = 0; seed < kWorlds; ++seed) {
    RandomWorld world(seed);
    const auto expected = brute_force_windows(world);
    const auto windows = recovery_windows(world.inventory);
    ASSERT_EQ(windows.size(), expected.size()) << "seed " << seed;
    for (const Expected& one : expected) {
      EXPECT_TRUE(std::any_of(windows.begin(), windows.end(),
                              [&](const RecoveryWindow& window) {
                                return window.from == one.from &&
                                       window.first_backup == one.backups.front()->id;
                              }))
          << "seed " << seed;
    }
  }
}

TEST(PlanProperty, EveryTransactionCanBeKeptOrLeftOut) {
  int planned = 0;
  for (std::uint32_t seed = 0; seed < kWorlds; ++seed) {
    RandomWorld world(seed);
    for (const Expected& window : brute_force_windows(world)) {
      for (const ModelRecord& record : window.records) {
        if (!record.ends_transaction() || record.start <= window.backups.front()->backup_end) continue;
        for (const std::string& prefix : {std::string("xid:"), std::string("before-xid:")}) {
          PlanRequest request;
          request.target = *parse_positional_target(prefix + std::to_string(record.full_xid));
          const RestorePlan plan = make_restore_plan(world.inventory, request, world.index);
          EXPECT_EQ(plan.stop.lsn, record.start);
          EXPECT_EQ(plan.stop.inclusive, prefix == "xid:");
          if (prefix != "xid:") {
            EXPECT_EQ(plan.first_dropped->start, record.start);
          }
          ++planned;
        }
      }
    }
  }
  EXPECT_GT(planned, 1500);
}

TEST(PlanProperty, AnyLsnKeepsExactlyWhatStartsBeforeIt) {
  int planned = 0;
  for (std::uint32_t seed = 0; seed < kWorlds; ++seed) {
    RandomWorld world(seed);
    for (const Expected& window : brute_force_windows(world)) {
      for (std::size_t i = 0; i < 10 && !window.records.empty(); ++i) {
        const auto last = static_cast<std::int64_t>(window.records.size()) - 1;
        const Lsn lsn = window.records[static_cast<std::size_t>(world.upto(last))].start + 8;
        if (lsn <= window.backups.front()->backup_end) continue;
        PlanRequest request;
        request.target = *parse_positional_target("lsn:" + lsn.to_string());
        const RestorePlan plan = make_restore_plan(world.inventory, request, world.index);
        for (const ModelRecord& record : window.records) {
          EXPECT_EQ(replayed(record, plan.stop), record.start < lsn) << "seed " << seed;
        }
        ++planned;
      }
    }
  }
  EXPECT_GT(planned, 500);
}

// A fork: timeline 2 begins with a copy of timeline 1's records, and either may hold the bytes around the
// switch.
struct RandomFork : RandomWorld {
  explicit RandomFork(std::uint32_t seed) : RandomWorld(seed) {
    inventory.wal.clear();
    inventory.idle_proofs.clear();
    index = MemoryIndex();
    fork();
  }

  ModelWal child{TimelineId(2), Lsn(16U << 20)};
  Lsn switch_point, parent_end;

  void fork() {
    const auto& records = wal.records();
    const auto stop = inventory.backups.front().stop;
    do {
      switch_point =
          records[static_cast<std::size_t>(upto(static_cast<std::int64_t>(records.size()) - 1))].end;
    } while (switch_point < stop);
    for (const ModelRecord& record : records) {
      if (record.end <= switch_point)
        child.add(record.kind, record.time, record.full_xid, record.end - record.start);
    }
    std::swap(wal, child);  // add_random() adds to the child
    for (std::int64_t i = 5 + upto(30); i > 0; --i) add_random();
    std::swap(wal, child);
    const Lsn copy = wal.begin() + 8 * static_cast<std::uint64_t>(upto((switch_point - wal.begin()) / 8));
    parent_end = chance(50) ? wal.end() : copy + 8 * static_cast<std::uint64_t>(upto((wal.end() - copy) / 8));
    if (parent_end < copy) parent_end = copy;
    inventory.histories.emplace(
        TimelineId(2),
        wal::TimelineHistory::parse(TimelineId(2), "1\t" + switch_point.to_string() + "\tfork\n"));
    if (parent_end > wal.begin()) archive(inventory, index, wal, wal.begin(), parent_end, {}, chance(50));
    archive(inventory, index, child, copy, child.end(), {copy + 160, switch_point + 80}, chance(50));
  }
  Expected path_window() const {
    Expected window;
    for (const BackupHeader& backup : inventory.backups) {
      if (backup.stop <= switch_point) window.backups.push_back(&backup);
    }
    window.from = window.to = window.backups.front()->finished;
    for (const ModelRecord& record : child.records()) {
      if (record.start < window.backups.front()->start) continue;
      window.records.push_back(record);
      if (record.ends_transaction()) window.to = std::max(window.to, record.time);
    }
    return window;
  }
};

TEST(PlanProperty, TimesAreExactAcrossForks) {
  int planned = 0, ambiguous = 0;
  for (std::uint32_t seed = 0; seed < kWorlds; ++seed) {
    RandomFork world(seed);
    const Expected window = world.path_window();
    for (std::int64_t t = 980; t < world.clock + 30; t += 1 + world.upto(5)) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " time " << t);
      const bool inside = window.from <= at(t) && at(t) <= window.to;
      PlanRequest request;
      request.target.kind = TargetKind::time;
      request.target.time = at(t);
      request.timeline = TimelineId(2);
      std::optional<RestorePlan> along;
      try {
        along = make_restore_plan(world.inventory, request, world.index);
        ASSERT_TRUE(inside);
        check_plan(*along, window, at(t));
        ++planned;
      } catch (const Error& error) {
        check_refusal(error, inside ? &window : nullptr, at(t));
      }
      request.timeline.reset();
      try {
        const RestorePlan any = make_restore_plan(world.inventory, request, world.index);
        if (along && any.timeline == along->timeline) {
          EXPECT_EQ(any.stop, along->stop);
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::refused);
        if (along) {
          EXPECT_EQ(error.code(), "timeline_ambiguous") << error.what();
        }
        ambiguous += error.code() == "timeline_ambiguous" ? 1 : 0;
      }
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(planned, 1500);
  EXPECT_GT(ambiguous, 50);
}

}  // namespace
}  // namespace tidemark::catalog
