#include "pgdata/backup_label.h"

#include <gtest/gtest.h>

#include "tidemark/error.h"

namespace tidemark::pgdata {
namespace {

constexpr const char* kLabel =
    "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n"
    "CHECKPOINT LOCATION: 0/2000060\n"
    "BACKUP METHOD: streamed\n"
    "BACKUP FROM: primary\n"
    "START TIME: 2026-11-22 03:04:56 UTC\n"
    "LABEL: nightly\n"
    "START TIMELINE: 3\n";

std::string label_without(std::string_view key) {
  std::string text = kLabel;
  const std::size_t at = text.find(key);
  return text.erase(at, text.find('\n', at) + 1 - at);
}

TEST(BackupLabel, ReadsWhatPostgresWrites) {
  const BackupLabel label = parse_backup_label(kLabel);
  EXPECT_EQ(label.start.to_string(), "0/2000028");
  EXPECT_EQ(label.checkpoint.to_string(), "0/2000060");
  EXPECT_EQ(label.timeline, TimelineId(3));
  EXPECT_FALSE(label.from_standby);
}

TEST(BackupLabel, SeesAStandby) {
  std::string text = kLabel;
  text.replace(text.find("primary"), 7, "standby");
  EXPECT_TRUE(parse_backup_label(text).from_standby);
}

TEST(BackupLabel, RefusesOneThatLacksALine) {
  for (const auto* key : {"START WAL", "CHECKPOINT", "BACKUP FROM", "START TIMELINE"}) {
    EXPECT_THROW(parse_backup_label(label_without(key)), Error) << key;
  }
  EXPECT_THROW(parse_backup_label(""), Error);
  EXPECT_THROW(parse_backup_label("START WAL LOCATION: nonsense\n"), Error);
}

TEST(BackupLabel, TakesALabelThatImitatesALine) {
  std::string text = kLabel;
  text.replace(text.find("nightly"), 7, "START TIMELINE: 9");
  EXPECT_EQ(parse_backup_label(text).timeline, TimelineId(3));
}

TEST(TablespaceMap, RoundTripsOddPaths) {
  const std::vector<TablespaceLocation> map = {
      {16400, "/srv/plain"}, {16401, "/srv/with blank"}, {16402, "/srv/a\\b\nc\rd"}};
  const std::string text = render_tablespace_map(map);
  EXPECT_EQ(text, "16400 /srv/plain\n16401 /srv/with blank\n16402 /srv/a\\\\b\\\nc\\\rd\n");
  EXPECT_EQ(parse_tablespace_map(text), map);
  EXPECT_TRUE(parse_tablespace_map("").empty());
}

TEST(TablespaceMap, RefusesLinesWithoutNumberOrLocation) {
  EXPECT_THROW(parse_tablespace_map("x /srv\n"), Error);
  EXPECT_THROW(parse_tablespace_map("16400\n"), Error);
  EXPECT_THROW(parse_tablespace_map("16400 \n"), Error);
}

}  // namespace
}  // namespace tidemark::pgdata
