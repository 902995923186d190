#include <algorithm>

#include "sealing.h"

namespace tidemark::codec {
namespace {

class Object : public EitherWay {};

TEST_P(Object, HoldsBytesOfEverySize) {
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 4096U, kFramePlainLimit - 1, kFramePlainLimit,
                                 kFramePlainLimit + 1, 3 * kFramePlainLimit + 5}) {
    for (const int level : {0, 1, 3}) {
      const Bytes plain = text_like_bytes(size, size);
      const Bytes stored = encode_object(secrets, ObjectKind::mark, kPath, plain, level, context);
      EXPECT_EQ(decode_object(secrets, ObjectKind::mark, kPath, stored, context), plain)
          << size << " at " << level;
    }
  }
}

TEST_P(Object, StoresIncompressibleFramesAsTheyAre) {
  const Bytes plain = random_bytes(kFramePlainLimit, 1);
  const Bytes stored = encode_object(secrets, ObjectKind::pack, kPath, plain, 1, context);
  EXPECT_LT(stored.size(), plain.size() + 400);
  EXPECT_EQ(decode_object(secrets, ObjectKind::pack, kPath, stored, context), plain);
}

TEST_P(Object, ShrinksZerosToNearlyNothing) {
  const Bytes plain(kFramePlainLimit);
  EXPECT_LT(encode_object(secrets, ObjectKind::pack, kPath, plain, 1, context).size(), 500U);
}

TEST_P(Object, NeverLooksTheSameTwice) {
  const Bytes plain = text_like_bytes(1000, 1);
  EXPECT_NE(encode_object(secrets, ObjectKind::mark, kPath, plain, 1, context),
            encode_object(secrets, ObjectKind::mark, kPath, plain, 1, context));
}

TEST_P(Object, HidesItsBytesExactlyWhenEncrypted) {
  const Bytes plain = text_like_bytes(64, 1);
  const Bytes stored = encode_object(secrets, ObjectKind::mark, kPath, plain, 0, context);
  const bool seen = std::search(stored.begin(), stored.end(), plain.begin(), plain.end()) != stored.end();
  EXPECT_EQ(seen, !GetParam());
}

TEST_P(Object, GivesFramesByTheirPlaces) {
  ObjectWriter writer(secrets, ObjectKind::pack, kPath, 1, context);
  std::vector<Bytes> plains;
  std::vector<FramePlace> places;
  for (std::size_t i = 0; i < 20; ++i) {
    plains.push_back(text_like_bytes(1000 * i, i));
    places.push_back(writer.add_frame(plains.back()));
  }
  Bytes stored = writer.take();
  plains.push_back(text_like_bytes(77, 99));
  places.push_back(writer.add_frame(plains.back(), xxh3_128(plains.back(), secrets.hash_seed())));
  EXPECT_EQ(writer.frame_count(), 21U);
  const FramePlace last = writer.finish(as_bytes("the footer"));
  EXPECT_EQ(writer.size(), stored.size() + writer.bytes().size());
  const Bytes rest = writer.take();
  stored.insert(stored.end(), rest.begin(), rest.end());

  ObjectReader reader(secrets, ObjectKind::pack, kPath, stored, context);
  const auto trailer = reader.parse_trailer(stored, stored.size());
  EXPECT_EQ(trailer.frame_count, 22U);
  EXPECT_EQ(trailer.last_frame_offset, last.offset);
  for (const std::size_t i : {20U, 0U, 7U, 7U, 19U}) {
    const ByteView frame = ByteView(stored).subspan(places[i].offset, places[i].stored_bytes);
    EXPECT_EQ(ObjectReader::stored_length(frame), places[i].stored_bytes);
    const auto opened = reader.open_frame(frame, places[i].number, false);
    EXPECT_TRUE(std::ranges::equal(opened.plain, plains[i])) << i;
    EXPECT_EQ(opened.hash, xxh3_128(plains[i], secrets.hash_seed()));
  }
  const auto footer = reader.open_frame(ByteView(stored).subspan(last.offset, last.stored_bytes), 21, true);
  EXPECT_EQ(as_text(footer.plain), "the footer");
}

TEST_P(Object, RefusesMorePlainBytesThanAllowed) {
  const Bytes stored = encode_object(secrets, ObjectKind::mark, kPath, Bytes(5000), 1, context);
  EXPECT_THROW(decode_object(secrets, ObjectKind::mark, kPath, stored, context, 4999), Error);
  EXPECT_EQ(decode_object(secrets, ObjectKind::mark, kPath, stored, context, 5000).size(), 5000U);
}

TEST_P(Object, TwoObjectsShareOneContext) {
  ObjectWriter first(secrets, ObjectKind::pack, kPath, 1, context);
  ObjectWriter second(secrets, ObjectKind::pack, kOtherPath, 3, context);
  const Bytes one = text_like_bytes(5000, 1), two = text_like_bytes(9000, 2);
  for (int i = 0; i < 3; ++i) {
    first.add_frame(one);
    second.add_frame(two);
  }
  first.finish({});
  second.finish({});
  EXPECT_EQ(decode_object(secrets, ObjectKind::pack, kPath, first.bytes(), context).size(), 3 * one.size());
  EXPECT_EQ(decode_object(secrets, ObjectKind::pack, kOtherPath, second.bytes(), context).size(),
            3 * two.size());
}

INSTANTIATE_TEST_SUITE_P(Encryption, Object, ::testing::Bool(), encryption_name);

TEST(ObjectKind, EveryKindHasAName) {
  for (std::uint16_t kind = 1; kind <= 14; ++kind) {
    EXPECT_NE(to_string(static_cast<ObjectKind>(kind)), "unknown object") << kind;
  }
}

}  // namespace
}  // namespace tidemark::codec
