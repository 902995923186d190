// Whatever is done to an object, it is refused, and the refusal names it.
#include <algorithm>

#include "sealing.h"

namespace tidemark::codec {
namespace {

class DamagedObject : public EitherWay {
 protected:
  // Two frames and a footer, a compressed and a raw one.
  Bytes small_object() {
    ObjectWriter writer(secrets, ObjectKind::mark, kPath, 1, context);
    writer.add_frame(text_like_bytes(300, 1));
    writer.add_frame(random_bytes(40, 2));
    writer.finish(as_bytes("footer"));
    return writer.take();
  }
  Bytes large_object() {
    return encode_object(secrets, ObjectKind::mark, kPath, text_like_bytes(3 * kFramePlainLimit, 3), 1,
                         context);
  }
  void expect_refused(const Bytes& stored, const std::string& what) {
    const std::string why = refusal(secrets, stored, context);
    EXPECT_NE(why.find(kPath), why.npos) << what << ": " << why;
  }
};

TEST_P(DamagedObject, CutAtEveryByte) {
  const Bytes whole = small_object();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    expect_refused({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, std::to_string(size));
  }
}

TEST_P(DamagedObject, EveryBitFlipped) {
  Bytes stored = small_object();
  for (std::size_t bit = 0; bit < stored.size() * 8; ++bit) {
    stored[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
    expect_refused(stored, "bit " + std::to_string(bit));
    stored[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
  }
  EXPECT_EQ(refusal(secrets, stored, context), "");
}

TEST_P(DamagedObject, LargeOnesCutAndFlippedAnywhere) {
  Bytes stored = large_object();
  std::mt19937_64 random(11);
  for (int i = 0; i < 60; ++i) {
    const std::size_t size = random() % stored.size();
    expect_refused({stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(size)}, "cut");
    const std::size_t bit = random() % (stored.size() * 8);
    stored[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
    expect_refused(stored, "bit " + std::to_string(bit));
    stored[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
  }
}

TEST_P(DamagedObject, BytesBehindItsEnd) {
  Bytes stored = small_object();
  stored.push_back(0);
  expect_refused(stored, "a byte more");
}

TEST_P(DamagedObject, FramesInAnotherOrder) {
  ObjectWriter writer(secrets, ObjectKind::mark, kPath, 0, context);
  const FramePlace first = writer.add_frame(random_bytes(50, 1));
  const FramePlace second = writer.add_frame(random_bytes(50, 2));
  writer.finish({});
  Bytes stored = writer.take();
  ASSERT_EQ(first.stored_bytes, second.stored_bytes);
  std::swap_ranges(stored.begin() + static_cast<std::ptrdiff_t>(first.offset),
                   stored.begin() + static_cast<std::ptrdiff_t>(second.offset),
                   stored.begin() + static_cast<std::ptrdiff_t>(second.offset));
  expect_refused(stored, "swapped frames");
  EXPECT_NE(refusal(secrets, stored, context).find("frame 0"), std::string::npos);
}

TEST_P(DamagedObject, AFrameLeftOut) {
  ObjectWriter writer(secrets, ObjectKind::mark, kPath, 0, context);
  const FramePlace first = writer.add_frame(random_bytes(50, 1));
  writer.add_frame(random_bytes(50, 2));
  writer.finish({});
  Bytes stored = writer.take();
  stored.erase(stored.begin() + static_cast<std::ptrdiff_t>(first.offset),
               stored.begin() + static_cast<std::ptrdiff_t>(first.offset + first.stored_bytes));
  expect_refused(stored, "without its first frame");
}

// The same name, written twice: a frame of one in the place of the other's.
TEST_P(DamagedObject, AFrameOfAnObjectOfTheSameName) {
  const Bytes plain = random_bytes(50, 1);
  const Bytes one = encode_object(secrets, ObjectKind::mark, kPath, plain, 0, context);
  Bytes two = encode_object(secrets, ObjectKind::mark, kPath, plain, 0, context);
  ASSERT_EQ(one.size(), two.size());
  const std::size_t end = one.size() - kTrailerBytes;
  std::copy(one.begin() + kHeaderBytes, one.begin() + static_cast<std::ptrdiff_t>(end),
            two.begin() + kHeaderBytes);
  expect_refused(two, "with the frames of another");
  Bytes trailer = encode_object(secrets, ObjectKind::mark, kPath, plain, 0, context);
  std::copy(one.end() - kTrailerBytes, one.end(), trailer.end() - kTrailerBytes);
  expect_refused(trailer, "with the trailer of another");
}

TEST_P(DamagedObject, AnObjectOfAnotherName) {
  const Bytes stored = encode_object(secrets, ObjectKind::mark, kOtherPath, Bytes(10), 1, context);
  expect_refused(stored, "another name");
  EXPECT_NE(refusal(secrets, stored, context).find("stored under another name"), std::string::npos);
}

TEST_P(DamagedObject, AnObjectOfAnotherIncarnation) {
  constexpr const char* kElsewhere =
      "clusters/main/15-7123456789012345679/marks/20261122T030456.000000Z-pin-0a0b0c0d";
  expect_refused(encode_object(secrets, ObjectKind::mark, kElsewhere, Bytes(10), 1, context),
                 "another incarnation");
}

TEST_P(DamagedObject, AnObjectOfAnotherKind) {
  const Bytes stored = encode_object(secrets, ObjectKind::claim, kPath, Bytes(10), 1, context);
  expect_refused(stored, "another kind");
  EXPECT_NE(refusal(secrets, stored, context).find("timeline claim"), std::string::npos);
}

TEST_P(DamagedObject, AnObjectOfAnotherRepository) {
  const Secrets other = secrets_of(GetParam(), 8);
  expect_refused(encode_object(other, ObjectKind::mark, kPath, Bytes(10), 1, context), "another repository");
}

TEST_P(DamagedObject, AnObjectWithTheOtherEncryption) {
  const Secrets other = secrets_of(!GetParam());
  expect_refused(encode_object(other, ObjectKind::mark, kPath, Bytes(10), 1, context),
                 "the other encryption");
}

// One who writes the repository can compute checksums, but not the seal.
TEST(SealedObject, RefusesAHeaderChangedOnPurpose) {
  const Secrets secrets = secrets_of(true);
  FrameContext context;
  Bytes stored = encode_object(secrets, ObjectKind::mark, kPath, Bytes(10), 1, context);
  stored[60] ^= 1;  // in the random bytes
  store_le(stored.data() + kHeaderBytes - 4, crc32c(ByteView(stored).first(kHeaderBytes - 4)));
  EXPECT_NE(refusal(secrets, stored, context), "");
}

TEST(SealedObject, RefusesAnotherKeyOfTheSameRepository) {
  FrameContext context;
  const Bytes stored = encode_object(secrets_of(true), ObjectKind::mark, kPath, Bytes(10), 1, context);
  const Bytes key(32, 99);
  EXPECT_NE(refusal(Secrets::with_key(repository_id(7), SecretBytes(key)), stored, context), "");
}

TEST_P(DamagedObject, ANewerLayoutIsNamedAsSuch) {
  Bytes stored = small_object();
  stored[8] = 2;
  store_le(stored.data() + kHeaderBytes - 4, crc32c(ByteView(stored).first(kHeaderBytes - 4)));
  EXPECT_NE(refusal(secrets, stored, context).find("layout 2"), std::string::npos);
}

// A frame that announces a gigabyte of plain bytes must not make the reader allocate it.
TEST(PlainObject, RefusesALyingLengthWhateverItsChecksum) {
  const Secrets secrets = secrets_of(false);
  FrameContext context;
  Bytes stored = encode_object(secrets, ObjectKind::mark, kPath, text_like_bytes(300, 1), 1, context);
  const std::uint32_t length = *ObjectReader::stored_length(ByteView(stored).subspan(kHeaderBytes));
  Byte* frame = stored.data() + kHeaderBytes;
  store_le<std::uint32_t>(frame + 4 + 8, 1U << 30);
  const std::uint32_t crc = crc32c(ByteView(frame + 44, length - 44), crc32c(ByteView(frame, 40)));
  store_le(frame + 40, crc);
  EXPECT_NE(refusal(secrets, stored, context).find("out of range"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Encryption, DamagedObject, ::testing::Bool(), encryption_name);

}  // namespace
}  // namespace tidemark::codec
