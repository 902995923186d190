#pragma once
// Repositories, plain bytes and damage for the tests of objects.

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "codec/object.h"
#include "tidemark/error.h"

namespace tidemark::codec {

inline RepositoryId repository_id(Byte fill) {
  std::array<Byte, 16> bytes;
  bytes.fill(fill);
  return RepositoryId(bytes);
}

inline Secrets secrets_of(bool encrypted, Byte fill = 7) {
  const Bytes key(32, static_cast<Byte>(fill + 1));
  return encrypted ? Secrets::with_key(repository_id(fill), SecretBytes(key))
                   : Secrets::unencrypted(repository_id(fill));
}

inline Bytes random_bytes(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(count);
  for (Byte& byte : bytes) byte = static_cast<Byte>(random());
  return bytes;
}

// Compresses to about a third, as pages of tables do.
inline Bytes text_like_bytes(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(count);
  for (Byte& byte : bytes) byte = static_cast<Byte>('a' + random() % 6);
  return bytes;
}

inline constexpr const char* kPath =
    "clusters/main/15-7123456789012345678/marks/20261122T030456.000000Z-pin-0a0b0c0d";
inline constexpr const char* kOtherPath =
    "clusters/main/15-7123456789012345678/marks/20261122T030456.000000Z-pin-0a0b0c0e";

// What reading `stored` throws; empty when it succeeds.
inline std::string refusal(const Secrets& secrets, ByteView stored, FrameContext& context,
                           ObjectKind kind = ObjectKind::mark, const char* path = kPath) {
  try {
    decode_object(secrets, kind, path, stored, context);
    return {};
  } catch (const Error& error) {
    const bool expected = error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::mismatch;
    EXPECT_TRUE(expected) << error.what();
    return error.what();
  }
}

class EitherWay : public ::testing::TestWithParam<bool> {
 protected:
  const Secrets secrets = secrets_of(GetParam());
  FrameContext context;
};
inline std::string encryption_name(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "Encrypted" : "Plain";
}

}  // namespace tidemark::codec
