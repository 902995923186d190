#include "catalog/mark.h"

#include <gtest/gtest.h>

#include "samples.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

TEST(Mark, ReadsBackWhatItWrote) {
  const IdleProof proof{at(1), Lsn(0x3000060), TimelineId(2)};
  EXPECT_EQ(IdleProof::parse(proof.serialize()), proof);
  const Pin pin{backup_id(1), at(5), "restore to /srv/x \"quoted\""};
  EXPECT_EQ(Pin::parse(pin.serialize()), pin);
  const Unpin unpin{backup_id(1)};
  EXPECT_EQ(Unpin::parse(unpin.serialize()), unpin);
  const AcknowledgedGap gap{TimelineId(1), Lsn(1), Lsn(0xFFFFFFFFFFFFFFFF)};
  EXPECT_EQ(AcknowledgedGap::parse(gap.serialize()), gap);
  const VerifyRun run{backup_id(1), at(9), 123456789012345, 2};
  EXPECT_EQ(VerifyRun::parse(run.serialize()), run);
  const Tombstone tombstone{backup_id(1), at(9)};
  EXPECT_EQ(Tombstone::parse(tombstone.serialize()), tombstone);
}

TEST(Mark, IsJsonThatAPersonCanRead) {
  const IdleProof proof{at(1), Lsn(0x3000060), TimelineId(2)};
  EXPECT_EQ(as_text(proof.serialize()),
            "{\n  \"format\": 1,\n  \"kind\": \"idle\",\n  \"time\": \"2026-11-22T03:00:00.000001Z\",\n"
            "  \"lsn\": \"0/3000060\",\n  \"timeline\": 2\n}\n");
}

TEST(Mark, IgnoresFieldsThatItDoesNotKnow) {
  const std::string json =
      R"({"format":1,"kind":"idle","time":"2026-11-22T03:00:00.000000Z","lsn":"0/1","timeline":1,"more":[1]})";
  EXPECT_EQ(IdleProof::parse(as_bytes(json)).time, at(0));
}

TEST(Mark, RefusesWhatItCannotRead) {
  for (
      const char* bad :
      {"", "null", "[]", "{}", "{\"format\":1}", R"({"format":2,"kind":"idle"})",
       R"({"format":1,"kind":"pin"})",
       R"({"format":1,"kind":"idle","time":"yesterday","lsn":"0/1","timeline":1})",
       R"({"format":1,"kind":"idle","time":"2026-11-22T03:00:00.000000Z","lsn":1,"timeline":1})",
       R"({"format":1,"kind":"idle","time":"2026-11-22T03:00:00.000000Z","lsn":"0/1","timeline":-1})",
       R"({"format":1,"kind":"idle","time":"2026-11-22T03:00:00.000000Z","lsn":"0/1","timeline":4294967296})",
       R"({"format":1,"kind":7,"time":"2026-11-22T03:00:00.000000Z","lsn":"0/1","timeline":1})"}) {
    try {
      IdleProof::parse(as_bytes(bad));
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::corrupt) << bad;
    }
  }
}

TEST(MarkName, Parses) {
  const auto name = parse_mark_name("20261122T030000.123456Z-idle-000000ab");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->time, at(123456));
  EXPECT_EQ(name->kind, "idle");
  EXPECT_EQ(name->random, 0xABU);
  for (const char* bad : {"", "-", "20261122T030000.123456Z-idle", "20261122T030000.123456Z--000000ab",
                          "20261122T030000Z-idle-000000ab", "20261122T030000.123456Z-idle-000000AB",
                          "20261122T030000.123456Z-idle-0000ab", "20261122T030000.123456Z-Idle-000000ab",
                          "20261122T030000.123456Z-a-b-000000ab"}) {
    EXPECT_FALSE(parse_mark_name(bad)) << bad;
  }
}

}  // namespace
}  // namespace tidemark::catalog
