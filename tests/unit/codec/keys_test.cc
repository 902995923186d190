#include "codec/keys.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sealing.h"

namespace tidemark::codec {
namespace {

const std::string kKeyFile = "a key file of some length";

template <typename Work>
std::string code_of(Work work) {
  try {
    work();
    return "nothing thrown";
  } catch (const Error& error) {
    return std::string(error.code());
  }
}

TEST(KeyWrapping, GivesTheKeyBack) {
  const SecretBytes key = random_key();
  const Bytes wrapped = wrap_key(key, as_bytes(kKeyFile), repository_id(1), 1);
  EXPECT_EQ(repository_of_key(wrapped), repository_id(1));
  EXPECT_TRUE(
      std::ranges::equal(unwrap_key(wrapped, as_bytes(kKeyFile), repository_id(1)).bytes(), key.bytes()));
}

TEST(KeyWrapping, ShowsNeitherKeyNorKeyFile) {
  const SecretBytes key = random_key();
  const Bytes wrapped = wrap_key(key, as_bytes(kKeyFile), repository_id(1), 1);
  const std::string text(as_text(wrapped));
  EXPECT_EQ(text.find(to_hex(key.bytes())), text.npos);
  EXPECT_EQ(text.find(kKeyFile), text.npos);
  EXPECT_NE(text.find("scrypt"), text.npos);
}

TEST(KeyWrapping, RefusesAnotherKeyFile) {
  const Bytes wrapped = wrap_key(random_key(), as_bytes(kKeyFile), repository_id(1), 1);
  EXPECT_EQ(
      code_of([&] { unwrap_key(wrapped, as_bytes("another key file of some length"), repository_id(1)); }),
      "wrong_key");
}

TEST(KeyWrapping, RefusesAShortKeyFile) {
  EXPECT_EQ(code_of([&] { wrap_key(random_key(), as_bytes("fifteen bytes.."), repository_id(1), 1); }),
            "short_key");
}

TEST(KeyWrapping, RefusesTheKeyOfAnotherRepository) {
  const Bytes wrapped = wrap_key(random_key(), as_bytes(kKeyFile), repository_id(1), 1);
  EXPECT_THROW(unwrap_key(wrapped, as_bytes(kKeyFile), repository_id(2)), Error);
  std::string text(as_text(wrapped));
  text.replace(text.find(repository_id(1).to_string()), 32, repository_id(2).to_string());
  EXPECT_EQ(code_of([&] { unwrap_key(as_bytes(text), as_bytes(kKeyFile), repository_id(2)); }), "wrong_key");
}

TEST(KeyWrapping, RefusesWhatIsNoKey) {
  for (const std::string text :
       {"", "{}", "[1]", "{\"format\":2}", "{\"format\":1,\"repository\":7}", "null"}) {
    EXPECT_THROW(unwrap_key(as_bytes(text), as_bytes(kKeyFile), repository_id(1)), Error) << text;
  }
}

TEST(KeyWrapping, RefusesCostsThatWouldTakeAllMemory) {
  const Bytes wrapped = wrap_key(random_key(), as_bytes(kKeyFile), repository_id(1), 1);
  std::string text(as_text(wrapped));
  text.replace(text.find("32768"), 5, "1073741824");
  EXPECT_THROW(unwrap_key(as_bytes(text), as_bytes(kKeyFile), repository_id(1)), Error);
}

TEST(Secrets, HashSeedDependsOnTheKey) {
  EXPECT_NE(secrets_of(true, 1).hash_seed(), secrets_of(true, 2).hash_seed());
  EXPECT_NE(secrets_of(true, 1).hash_seed(), secrets_of(false, 1).hash_seed());
  EXPECT_EQ(secrets_of(true, 1).hash_seed(), secrets_of(true, 1).hash_seed());
}

TEST(Secrets, RefusesAKeyOfAnotherLength) {
  EXPECT_THROW(Secrets::with_key(repository_id(1), SecretBytes(Bytes(31))), Error);
}

TEST(SecretBytes, CopiesAndMovesKeepTheirBytes) {
  const Bytes bytes = {1, 2, 3};
  SecretBytes first(bytes);
  SecretBytes copy = first;
  SecretBytes moved = std::move(first);
  copy = moved;
  EXPECT_TRUE(std::ranges::equal(copy.bytes(), bytes));
  EXPECT_TRUE(std::ranges::equal(moved.bytes(), bytes));
}

TEST(Randomness, NeverRepeats) {
  EXPECT_NE(random_number(), random_number());
  EXPECT_NE(random_repository_id(), random_repository_id());
}

}  // namespace
}  // namespace tidemark::codec
