#include "wal/timeline_history.h"

#include <gtest/gtest.h>

#include <limits>

#include "tidemark/error.h"

namespace tidemark::wal {
namespace {

constexpr Lsn kNoEnd{std::numeric_limits<std::uint64_t>::max()};

std::string refusal(std::uint32_t timeline, std::string_view content) {
  try {
    TimelineHistory::parse(TimelineId(timeline), content);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    return error.message();
  }
  return "";
}

TEST(TimelineHistory, ReadsWhatAServerWrote) {
  const auto history = TimelineHistory::parse(
      TimelineId(3),
      "1\t0/541AB90\tat restore point \"rp\"\n\n2\t0/06000000\tno recovery target specified\n");
  ASSERT_EQ(history.ancestors().size(), 2U);
  EXPECT_EQ(history.ancestors()[0], (HistoryEntry{TimelineId(1), Lsn(0x541AB90), "at restore point \"rp\""}));
  EXPECT_EQ(history.ancestors()[1],
            (HistoryEntry{TimelineId(2), Lsn(0x6000000), "no recovery target specified"}));
}

TEST(TimelineHistory, IgnoresCommentsBlankLinesAndCarriageReturns) {
  const auto history =
      TimelineHistory::parse(TimelineId(2), "# made by hand\r\n   \n  # more\n  1   A/B   why  not \r\n#");
  ASSERT_EQ(history.ancestors().size(), 1U);
  EXPECT_EQ(history.ancestors()[0], (HistoryEntry{TimelineId(1), Lsn(0xA0000000BULL), "why  not"}));
}

TEST(TimelineHistory, AcceptsALineWithoutAReasonAndWithoutANewline) {
  EXPECT_EQ(TimelineHistory::parse(TimelineId(2), "1\t0/3000000").ancestors().at(0).switch_point,
            Lsn(0x3000000));
}

TEST(TimelineHistory, WhatItRendersIsWhatItReads) {
  const std::string content = "1\t0/541AB90\tat restore point \"rp\"\n\n2\t1/6000000\tx\n";
  const auto history = TimelineHistory::parse(TimelineId(3), content);
  EXPECT_EQ(history.render(), content);
  EXPECT_EQ(TimelineHistory(TimelineId(1)).render(), "");
}

TEST(TimelineHistory, RefusesBadLinesAndNamesThem) {
  EXPECT_NE(refusal(2, "# x\n1 0/3000000 ok\nrubbish\n").find("line 3 of the history of timeline 2"),
            std::string::npos);
  for (const char* content : {"1", "1 0", "1 0/", "1 /0", "0 0/1 x", "-1 0/1 x", "1 0/123456789 x",
                              "1 0x0/1 x", "4294967296 0/1 x", "1 0/G x"}) {
    EXPECT_NE(refusal(9, content), "") << content;
  }
}

TEST(TimelineHistory, RefusesTimelinesThatAreNoAncestors) {
  EXPECT_NE(refusal(2, "2 0/3000000 x\n"), "");
  EXPECT_NE(refusal(2, "3 0/3000000 x\n"), "");
  EXPECT_NE(refusal(5, "2 0/3000000 x\n1 0/4000000 x\n"), "");
  EXPECT_NE(refusal(5, "2 0/3000000 x\n2 0/4000000 x\n"), "");
}

TEST(TimelineHistory, ThePathHasASpanForEveryTimeline) {
  const auto history = TimelineHistory::parse(TimelineId(4), "1 0/300 x\n3 0/500 y\n");
  const std::vector<TimelineSpan> expected = {{TimelineId(1), Lsn(), Lsn(0x300)},
                                              {TimelineId(3), Lsn(0x300), Lsn(0x500)},
                                              {TimelineId(4), Lsn(0x500), kNoEnd}};
  EXPECT_EQ(history.path(), expected);
  EXPECT_EQ(TimelineHistory(TimelineId(1)).path(),
            (std::vector<TimelineSpan>{{TimelineId(1), Lsn(), kNoEnd}}));
}

TEST(TimelineHistory, ASwitchPointIsTheChildsFirstByte) {
  const auto history = TimelineHistory::parse(TimelineId(4), "1 0/300 x\n3 0/500 y\n");
  EXPECT_EQ(history.timeline_at(Lsn(0x2FF)), TimelineId(1));
  EXPECT_EQ(history.timeline_at(Lsn(0x300)), TimelineId(3));
  EXPECT_EQ(history.timeline_at(Lsn(0x4FF)), TimelineId(3));
  EXPECT_EQ(history.timeline_at(Lsn(0x500)), TimelineId(4));
  EXPECT_TRUE(history.contains(TimelineId(3), Lsn(0x300)));
  EXPECT_FALSE(history.contains(TimelineId(3), Lsn(0x500)));
  EXPECT_FALSE(history.contains(TimelineId(2), Lsn(0x300)));
}

TEST(TimelineHistory, AStopBeforeTheForkLeavesTheForkedTimelineEmpty) {
  // Recovery towards timeline 2, which forks at 0/500, stopped at 0/300: the server calls 2 the parent all
  // the same.
  const auto history = TimelineHistory::parse(TimelineId(3), "1 0/500 x\n2 0/300 y\n");
  const std::vector<TimelineSpan> expected = {{TimelineId(1), Lsn(), Lsn(0x300)},
                                              {TimelineId(2), Lsn(0x300), Lsn(0x300)},
                                              {TimelineId(3), Lsn(0x300), kNoEnd}};
  EXPECT_EQ(history.path(), expected);
  EXPECT_EQ(history.timeline_at(Lsn(0x2FF)), TimelineId(1));
  EXPECT_EQ(history.timeline_at(Lsn(0x300)), TimelineId(3));
  EXPECT_EQ(history.timeline_at(Lsn(0x400)), TimelineId(3));
}

}  // namespace
}  // namespace tidemark::wal
