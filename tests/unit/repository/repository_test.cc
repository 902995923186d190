#include "repository/repository.h"

#include "sample.h"

namespace tidemark::repository {
namespace {

class Repositories : public RepositoryTest {};
INSTANTIATE_TEST_SUITE_P(Stores, Repositories, kVariants, variant_name);

TEST_P(Repositories, GivesBackWhatWasPut) {
  const std::string name = catalog::claim_name(kIncarnation, kTimeline);
  EXPECT_FALSE(repository->find(codec::ObjectKind::claim, name).has_value());
  EXPECT_EQ(code_of([&] { repository->get(codec::ObjectKind::claim, name); }), "object_missing");
  EXPECT_EQ(repository->put(codec::ObjectKind::claim, name, as_bytes("me")), PutOutcome::stored);
  EXPECT_EQ(repository->put(codec::ObjectKind::claim, name, as_bytes("you")), PutOutcome::already_exists);
  EXPECT_EQ(as_text(repository->get(codec::ObjectKind::claim, name)), "me");
}

TEST_P(Repositories, IsTheSameWhenOpenedOrCreatedAgain) {
  const std::string name = catalog::claim_name(kIncarnation, kTimeline);
  repository->put(codec::ObjectKind::claim, name, as_bytes("me"));
  for (const auto& again : {Repository::open(store, options_of(GetParam().encrypted)),
                            Repository::create(store, options_of(GetParam().encrypted))}) {
    EXPECT_EQ(again->secrets().repository(), repository->secrets().repository());
    EXPECT_EQ(again->hash_seed(), repository->hash_seed());
    EXPECT_EQ(as_text(again->get(codec::ObjectKind::claim, name)), "me");
  }
}

TEST_P(Repositories, WantsItsOwnEncryption) {
  const RepositoryOptions other = options_of(!GetParam().encrypted);
  const std::string code = GetParam().encrypted ? "key_missing" : "not_encrypted";
  EXPECT_EQ(code_of([&] { Repository::open(store, other); }), code);
  EXPECT_EQ(code_of([&] { Repository::create(store, other); }), code);
}

TEST_P(Repositories, NamesWhatIsInAnotherRepositorysPlace) {
  const std::string name = catalog::claim_name(kIncarnation, kTimeline);
  MemoryRepository other(GetParam().encrypted);
  other.repository->put(codec::ObjectKind::claim, name, as_bytes("me"));
  store->put(name, *other.store->get(name));
  const std::string why = message_of([&] { repository->get(codec::ObjectKind::claim, name); });
  EXPECT_NE(why.find(name), why.npos) << why;
}

TEST_P(Repositories, KeepsIdentitiesThatDiffer) {
  ClusterIdentity identity{kIncarnation, 16U << 20, 8192, 202209061, 150018, Instant::from_postgres(1000)};
  EXPECT_FALSE(newest_identity(*repository, kIncarnation).has_value());
  put_identity(*repository, identity);
  identity.recorded = Instant::from_postgres(2000);
  put_identity(*repository, identity);
  EXPECT_EQ(newest_identity(*repository, kIncarnation)->recorded, Instant::from_postgres(1000));
  identity.server_version_number = 150019;
  put_identity(*repository, identity);
  const auto newest = newest_identity(*repository, kIncarnation);
  EXPECT_EQ(newest->server_version_number, 150019);
  EXPECT_EQ(newest->incarnation, kIncarnation);
  EXPECT_EQ(newest->segment_bytes, 16U << 20);
  EXPECT_EQ(newest->block_bytes, 8192U);
  EXPECT_EQ(newest->catalog_version, 202209061U);
  EXPECT_EQ(newest->recorded, Instant::from_postgres(2000));
  EXPECT_EQ(first_recorded(*repository, kIncarnation), Instant::from_postgres(1000));
  EXPECT_TRUE(store->info(catalog::identity_name(kIncarnation, 2)).has_value());
  EXPECT_FALSE(store->info(catalog::identity_name(kIncarnation, 3)).has_value());
}

TEST_P(Repositories, ListsIncarnationsInTheOrderTheyAppeared) {
  const catalog::Incarnation older{"main", 15, SystemId(9)}, newer{"main", 16, SystemId(3)},
      other{"second", 15, SystemId(1)};
  put_identity(*repository, {newer, 1U << 20, 8192, 1, 160000, Instant::from_postgres(20)});
  put_identity(*repository, {older, 1U << 20, 8192, 1, 150000, Instant::from_postgres(10)});
  put_identity(*repository, {other, 1U << 20, 8192, 1, 150000, Instant::from_postgres(5)});
  EXPECT_EQ(repository->incarnations("main"), (std::vector{older, newer}));
  EXPECT_EQ(repository->incarnations(), (std::vector{older, newer, other}));
  EXPECT_TRUE(repository->incarnations("third").empty());
}

TEST(RepositoryCreation, NeedsInitFirst) {
  const auto store = std::make_shared<store::MemoryStore>();
  EXPECT_EQ(code_of([&] { Repository::open(store, options_of(false)); }), "no_repository");
}

TEST(RepositoryCreation, RefusesAWrongKeyFile) {
  const MemoryRepository memory(true);
  RepositoryOptions options = options_of(true);
  options.key_file->push_back('!');
  EXPECT_EQ(code_of([&] { Repository::open(memory.store, options); }), "wrong_key");
  EXPECT_EQ(code_of([&] { Repository::create(memory.store, options); }), "wrong_key");
}

TEST(RepositoryCreation, GoesOnWhereABrokenOffOneEnded) {
  const MemoryRepository whole(true);
  const auto store = std::make_shared<store::MemoryStore>();
  store->put(catalog::key_name(1), *whole.store->get(catalog::key_name(1)));
  const auto repository = Repository::create(store, options_of(true));
  EXPECT_EQ(repository->secrets().repository(), whole.repository->secrets().repository());
  const auto other = std::make_shared<store::MemoryStore>();
  other->put(catalog::key_name(1), *whole.store->get(catalog::key_name(1)));
  RepositoryOptions wrong = options_of(true);
  wrong.key_file->push_back('!');
  EXPECT_EQ(code_of([&] { Repository::create(other, wrong); }), "wrong_key");
  EXPECT_FALSE(other->info(catalog::kRepositoryFile).has_value());
}

TEST(RepositoryCreation, TheHighestKeyCounts) {
  const MemoryRepository memory(true);
  const ByteView changed = as_bytes("another content of the key file");
  memory.store->put(catalog::key_name(2), codec::wrap_key(memory.repository->secrets().key(), changed,
                                                          memory.repository->secrets().repository(), 2));
  EXPECT_EQ(code_of([&] { Repository::open(memory.store, options_of(true)); }), "wrong_key");
  RepositoryOptions options = options_of(true);
  options.key_file = Bytes(changed.begin(), changed.end());
  EXPECT_EQ(Repository::open(memory.store, options)->hash_seed(), memory.repository->hash_seed());
}

TEST(RepositoryCreation, RefusesANewerLayout) {
  const MemoryRepository memory;
  std::string json(as_text(*memory.store->get(catalog::kRepositoryFile)));
  json.replace(json.find("\"layout\": 1"), 11, "\"layout\": 2");
  const ByteView changed = as_bytes(json);
  memory.store->overwrite(catalog::kRepositoryFile, Bytes(changed.begin(), changed.end()));
  EXPECT_EQ(code_of([&] { Repository::open(memory.store, options_of(false)); }), "newer_layout");
}

TEST(RepositoryCreation, RefusesADamagedLayout) {
  const MemoryRepository memory;
  for (const std::string text : {"", "{}", "{\"layout\":1,\"repository\":\"x\",\"encrypted\":false}", "[]"}) {
    const ByteView changed = as_bytes(text);
    memory.store->overwrite(catalog::kRepositoryFile, Bytes(changed.begin(), changed.end()));
    EXPECT_NE(message_of([&] { Repository::open(memory.store, options_of(false)); }).find("tidemark.json"),
              std::string::npos)
        << text;
  }
}

}  // namespace
}  // namespace tidemark::repository
