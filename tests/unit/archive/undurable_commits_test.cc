#include "archive/undurable_commits.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tidemark::archive {
namespace {

Instant at(std::int64_t microseconds) { return Instant::from_postgres(microseconds); }

TEST(UndurableCommits, NoneBehindTheLast) {
  UndurableCommits commits;
  EXPECT_EQ(commits.oldest_after(Lsn(0)), std::nullopt);
  commits.add(Lsn(100), at(5));
  EXPECT_EQ(commits.oldest_after(Lsn(99)), at(5));
  EXPECT_EQ(commits.oldest_after(Lsn(100)), std::nullopt);
}

TEST(UndurableCommits, ClockThatStepsBackCounts) {
  UndurableCommits commits;
  commits.add(Lsn(100), at(50));
  commits.add(Lsn(200), at(10));
  commits.add(Lsn(300), at(40));
  EXPECT_EQ(commits.oldest_after(Lsn(0)), at(10));
  EXPECT_EQ(commits.oldest_after(Lsn(100)), at(10));
  EXPECT_EQ(commits.oldest_after(Lsn(200)), at(40));
}

TEST(UndurableCommits, AgreesWithLookingAtAllOfThem) {
  std::mt19937 random(7);
  UndurableCommits commits;
  struct Entry {
    Lsn end;
    Instant time;
  };
  std::vector<Entry> all;
  Lsn forgotten;
  for (int i = 1; i <= 2000; ++i) {
    const Entry entry{Lsn(static_cast<std::uint64_t>(i) * 10), at(i + static_cast<int>(random() % 40) - 20)};
    commits.add(entry.end, entry.time);
    all.push_back(entry);
    if (random() % 50 == 0) {
      forgotten = std::max(forgotten, Lsn((random() % static_cast<unsigned>(i)) * 10));
      commits.forget_through(forgotten);
    }
    const Lsn durable = std::max(forgotten, Lsn((random() % static_cast<unsigned>(i + 1)) * 10));
    std::optional<Instant> expected;
    for (const Entry& one : all) {
      if (one.end > durable && (!expected || one.time < *expected)) expected = one.time;
    }
    ASSERT_EQ(commits.oldest_after(durable), expected) << i;
  }
}

}  // namespace
}  // namespace tidemark::archive
