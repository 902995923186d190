// What every format of this room owes: it reads back what it wrote, refuses what was cut, survives any
// flipped bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "catalog/names.h"
#include "catalog/records.h"
#include "samples.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

RememberedNames sample_names() {
  return {{{1, "template1"}, {16384, "shop"}},
          {{16384, 16390, 16390, "public", "orders", 'r'},
           {16384, 16401, 16395, "public", "orders_pkey", 'i'},
           {16384, 16500, 16500, "audit", "log", 'r'}}};
}

Begun sample_begun() { return {backup_id(2), backup_id(1), TimelineId(3), Lsn(0x1234), at(9)}; }

struct Format {
  const char* name;
  Bytes bytes;
  std::function<void(ByteView)> parse;
};

std::vector<Format> formats() {
  return {{"manifest", sample_manifest().serialize(), [](ByteView bytes) { Manifest::parse(bytes); }},
          {"begun", sample_begun().serialize(), [](ByteView bytes) { Begun::parse(bytes); }},
          {"part", sample_part(), [](ByteView bytes) { read_part(bytes); }},
          {"names", sample_names().serialize(), [](ByteView bytes) { RememberedNames::parse(bytes); }},
          {"checkpoint", sample_checkpoint().serialize(), [](ByteView bytes) { Checkpoint::parse(bytes); }}};
}

ErrorKind kind_of_failure(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;
}

TEST(Formats, RefuseEveryTruncation) {
  for (const Format& format : formats()) {
    for (std::size_t size = 0; size < format.bytes.size(); ++size) {
      EXPECT_EQ(kind_of_failure([&] { format.parse(ByteView(format.bytes).first(size)); }),
                ErrorKind::corrupt)
          << format.name << " cut to " << size;
    }
  }
}

TEST(Formats, RefuseBytesBehindTheEnd) {
  for (Format& format : formats()) {
    format.bytes.push_back(0);
    EXPECT_EQ(kind_of_failure([&] { format.parse(format.bytes); }), ErrorKind::corrupt) << format.name;
  }
}

TEST(Formats, SurviveEveryFlippedBit) {
  for (Format& format : formats()) {
    for (std::size_t bit = 0; bit < format.bytes.size() * 8; ++bit) {
      format.bytes[bit / 8] ^= static_cast<Byte>(1U << (bit % 8));
      try {
        format.parse(format.bytes);  // frames below authenticate; here it only must not crash or hang
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::corrupt) << format.name << " bit " << bit << ": " << error.what();
      }
      format.bytes[bit / 8] ^= static_cast<Byte>(1U << (bit % 8));
    }
  }
}

TEST(Formats, RefuseEachOther) {
  const auto all = formats();
  for (const Format& writer : all) {
    for (const Format& reader : all) {
      if (&writer == &reader) continue;
      EXPECT_EQ(kind_of_failure([&] { reader.parse(writer.bytes); }), ErrorKind::corrupt)
          << writer.name << " as " << reader.name;
    }
  }
}

TEST(Formats, RefuseANewerLayoutClearly) {
  for (Format& format : formats()) {
    format.bytes[4] = 2;
    try {
      format.parse(format.bytes);
      FAIL() << format.name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "newer_layout");
      EXPECT_THAT(error.what(), testing::HasSubstr("written by a newer version")) << format.name;
    }
  }
}

// Cuts off the end record and adds one that no reader knows.
Bytes with_unknown_record(Bytes bytes, Presence presence) {
  bytes.resize(bytes.size() - 3);
  ByteWriter writer(bytes);
  writer.varint(1000);
  writer.fixed(static_cast<Byte>(presence));
  writer.text("from the future");
  writer.varint(kEndRecord);
  writer.fixed(static_cast<Byte>(Presence::critical));
  writer.varint(0);
  return bytes;
}

TEST(Formats, SkipUnknownOptionalRecords) {
  const auto bytes = with_unknown_record(sample_manifest().serialize(), Presence::optional);
  EXPECT_EQ(Manifest::parse(bytes), sample_manifest());
  EXPECT_EQ(read_part(with_unknown_record(sample_part(), Presence::optional)), sample_entries());
}

TEST(Formats, RefuseUnknownCriticalRecords) {
  for (const Format& format : formats()) {
    try {
      format.parse(with_unknown_record(format.bytes, Presence::critical));
      FAIL() << format.name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "newer_layout");
      EXPECT_THAT(error.what(), testing::HasSubstr("unknown critical record 1000")) << format.name;
    }
  }
}

TEST(Manifest, ReadsBackWhatItWrote) {
  EXPECT_EQ(Manifest::parse(sample_manifest().serialize()), sample_manifest());
}

TEST(Manifest, HeaderIsReadWithoutTheRest) {
  const Bytes bytes = sample_manifest().serialize();
  const Bytes begin(bytes.begin(), bytes.begin() + 200);
  EXPECT_EQ(Manifest::parse_header(begin), sample_manifest().header);
}

TEST(Manifest, RefusesAForeignFirstOwner) {
  Manifest manifest = sample_manifest();
  manifest.owners[0] = backup_id(5);
  EXPECT_THROW(Manifest::parse(manifest.serialize()), Error);
}

TEST(Manifest, RefusesAPackWithoutOwner) {
  Manifest manifest = sample_manifest();
  manifest.packs[1].owner = 2;
  EXPECT_THROW(Manifest::parse(manifest.serialize()), Error);
}

TEST(Manifest, RefusesPartsOutOfOrder) {
  Manifest manifest = sample_manifest();
  std::swap(manifest.parts[0].first_path, manifest.parts[1].first_path);
  EXPECT_THROW(Manifest::parse(manifest.serialize()), Error);
}

TEST(Begun, ReadsBackWhatItWrote) { EXPECT_EQ(Begun::parse(sample_begun().serialize()), sample_begun()); }

TEST(RememberedNames, ReadsBackWhatItWrote) {
  EXPECT_EQ(RememberedNames::parse(sample_names().serialize()), sample_names());
  EXPECT_EQ(RememberedNames::parse(RememberedNames().serialize()), RememberedNames());
}

TEST(Checkpoint, ReadsBackWhatItWrote) {
  const Checkpoint wrote = sample_checkpoint();
  const Bytes bytes = wrote.serialize();
  const Checkpoint read = Checkpoint::parse(bytes);
  EXPECT_EQ(read.time, wrote.time);
  EXPECT_EQ(read.inventory.incarnation, wrote.inventory.incarnation);
  EXPECT_EQ(read.inventory.wal, wrote.inventory.wal);
  EXPECT_EQ(read.inventory.backups, wrote.inventory.backups);
  EXPECT_EQ(read.inventory.begun, wrote.inventory.begun);
  EXPECT_EQ(read.inventory.idle_proofs, wrote.inventory.idle_proofs);
  EXPECT_EQ(read.inventory.acknowledged_gaps, wrote.inventory.acknowledged_gaps);
  EXPECT_EQ(read.inventory.keep_until, wrote.inventory.keep_until);
  EXPECT_EQ(read.inventory.verified_at, wrote.inventory.verified_at);
  ASSERT_EQ(read.inventory.histories.count(TimelineId(2)), 1U);
  EXPECT_EQ(read.inventory.histories.at(TimelineId(2)).ancestors(),
            wrote.inventory.histories.at(TimelineId(2)).ancestors());
  EXPECT_EQ(read.inventory.tails.at(TimelineId(2)).last_end_time, at(44));
  ASSERT_EQ(read.wal_positions.size(), 2U);
  EXPECT_EQ(read.wal_positions[0].last_name, "00000000/000000010000000000000004");
  EXPECT_EQ(read.last_backup, backup_id(9));
  EXPECT_EQ(read.serialize(), bytes);
}

TEST(Checkpoint, RefusesWalOutOfOrder) {
  Checkpoint checkpoint = sample_checkpoint();
  std::swap(checkpoint.inventory.wal[0], checkpoint.inventory.wal[1]);
  EXPECT_THROW(Checkpoint::parse(checkpoint.serialize()), Error);
}

}  // namespace
}  // namespace tidemark::catalog
