#include <gmock/gmock.h>

#include <atomic>
#include <functional>

#include "e2e/backup_support.h"

namespace tidemark::test {
namespace {

// Calls `before_put` ahead of every put, which may throw or do something to the server.
class WatchedStore final : public ObjectStore {
 public:
  explicit WatchedStore(std::unique_ptr<ObjectStore> inner) : inner_(std::move(inner)) {}
  std::function<void(std::string_view)> before_put;
  std::function<void(std::string_view)> after_put;

  StoreFeatures features() const override { return inner_->features(); }
  std::string describe() const override { return inner_->describe(); }
  std::string device() const override { return inner_->device(); }
  using ObjectStore::put;
  PutOutcome put(std::string_view name, std::span<const ByteView> pieces) override {
    if (before_put) before_put(name);
    const PutOutcome outcome = inner_->put(name, pieces);
    if (after_put) after_put(name);
    return outcome;
  }
  std::unique_ptr<ObjectSource> open(std::string_view name) const override { return inner_->open(name); }
  std::optional<ObjectInfo> info(std::string_view name) const override { return inner_->info(name); }
  void list(std::string_view prefix, std::string_view after,
            const std::function<bool(const ObjectInfo&)>& take) const override {
    inner_->list(prefix, after, take);
  }
  void list_level(std::string_view prefix, const std::function<bool(std::string_view)>& take) const override {
    inner_->list_level(prefix, take);
  }
  void remove(std::string_view name) override { inner_->remove(name); }
  std::unique_ptr<GrowingObject> create_growing(std::string_view name, std::uint64_t reserve_bytes) override {
    return inner_->create_growing(name, reserve_bytes);
  }

 private:
  std::unique_ptr<ObjectStore> inner_;
};

// A cluster whose compressed size is several of the smallest packs, and a repository whose puts are watched.
class InterruptedBackup : public ::testing::Test {
 protected:
  InterruptedBackup() {
    cluster.sql(
        "CREATE TABLE t AS SELECT i, md5(i::text) || md5((i + 1)::text) AS junk FROM generate_series(1, "
        "200000) i");
    cluster.sql("VACUUM FREEZE t");  // hint bits set later would change its pages
    auto watched = std::make_shared<WatchedStore>(
        store::open_posix_store(scratch.path() / "repository", disk::real_ops()));
    store = watched.get();
    repository =
        repository::Repository::create(watched, {.name = "watched", .required = true, .key_file = {}});
    options = backup_options(cluster, {repository});
    options.memory_limit_bytes = 1;  // the smallest packs
    options.jobs = 1;
  }

  repository::BackupStore backups() const {
    return {repository, archive_of(cluster, repository).incarnation()};
  }
  std::size_t count_manifests() const {
    std::size_t count = 0;
    for (const BackupId& id : backups().list()) count += backups().find_header(id).has_value() ? 1 : 0;
    return count;
  }
  void expect_next_backup_restores() {
    store->before_put = {};
    store->after_put = {};
    result = take_backup(options, {repository});
    EXPECT_EQ(count_manifests(), 1U);
    const auto restored = restore_to_the_end(cluster, repository, result.header.id, scratch.path());
    const std::string all = "SELECT count(*) || ':' || sum(hashtextextended(t::text, 0)) FROM t";
    EXPECT_EQ(restored->sql(all), cluster.sql(all));
  }

  ScratchFolder scratch;
  PostgresCluster cluster;
  WatchedStore* store = nullptr;
  std::shared_ptr<repository::Repository> repository;
  backup::BackupOptions options;
  backup::BackupResult result;
};

template <typename Action>
Error error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {ErrorKind::internal, "none"};
}

TEST_F(InterruptedBackup, StoppedHalfWayLeavesNoManifestAndItsFramesAreTakenOver) {
  StopSource source;
  std::atomic<int> packs{0};
  store->after_put = [&](std::string_view name) {
    if (name.find("/packs/") != std::string_view::npos && ++packs == 2) source.request_stop();
  };
  EXPECT_EQ(error_of([&] { take_backup(options, {repository}, source.token()); }).kind(),
            ErrorKind::interrupted);
  EXPECT_EQ(count_manifests(), 0U);
  ASSERT_EQ(backups().list().size(), 1U);
  const BackupId broken_off = backups().list().front();

  // Changed since then: these extents must be copied afresh.
  cluster.sql("UPDATE t SET junk = 'changed' WHERE i % 1000 = 0 AND i < 20000");
  expect_next_backup_restores();
  EXPECT_GT(result.reused_bytes, 4U << 20);
  EXPECT_GE(result.header.stored_bytes, result.reused_bytes);
  const StoredBackup backup = load_backup(cluster, repository, result.header.id);
  EXPECT_EQ(backup.manifest.owners, (std::vector{result.header.id, broken_off}));
  EXPECT_EQ(backup.store.find_begun(result.header.id)->parent, broken_off);
  std::uint64_t live_there = 0;
  for (const catalog::PackInfo& pack : backup.manifest.packs)
    live_there += pack.owner == 1 ? pack.live_bytes : 0;
  EXPECT_EQ(live_there, result.reused_bytes);
}

TEST_F(InterruptedBackup, StoreFailingAtAnyPutLeavesNoManifest) {
  // 1 begun, packs and parts, names, copy of the manifest, manifest.
  std::atomic<int> puts{0};
  store->before_put = [&](std::string_view) { ++puts; };
  const auto whole = take_backup(options, {repository});
  const int all = puts;
  ASSERT_GE(all, 7);
  for (const std::string object : {"packs/", "begun", "parts/", "names", "manifest.copy", "manifest"}) {
    SCOPED_TRACE(object);
    store->before_put = [&](std::string_view name) {
      const std::string_view below = name.substr(std::min(name.size(), name.find("/backups/") + 1));
      const bool struck = object.ends_with('/') ? below.find(object) != std::string_view::npos
                                                : below.ends_with("/" + object);
      if (struck) throw Error(ErrorKind::io, "the disk is full").code("no_space");
    };
    const Error error = error_of([&] { take_backup(options, {repository}); });
    EXPECT_EQ(error.code(), "no_space");
    EXPECT_EQ(count_manifests(), 1U);
    EXPECT_TRUE(backups().find_manifest(whole.header.id));
  }
}

TEST_F(InterruptedBackup, ServerThatRestartsVoidsIt) {
  std::atomic<bool> struck{false};
  store->before_put = [&](std::string_view name) {
    if (name.find("/packs/") != std::string_view::npos && !struck.exchange(true)) cluster.kill();
  };
  const Error error = error_of([&] { take_backup(options, {repository}); });
  EXPECT_EQ(error.kind(), ErrorKind::unavailable) << error.what();
  EXPECT_EQ(count_manifests(), 0U);
  store->before_put = {};
  cluster.start();
  expect_next_backup_restores();
}

TEST_F(InterruptedBackup, WalThatNeverArrivesIsToldAndLeavesNoManifest) {
  options.ensure_wal_archived = {};
  options.check_archiving = false;
  options.wal_limit = std::chrono::seconds(1);
  const Error error = error_of([&] { take_backup(options, {repository}); });
  EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  EXPECT_EQ(error.code(), "wal_not_archived");
  EXPECT_EQ(count_manifests(), 0U);
}

TEST_F(InterruptedBackup, RefusesEarlyWhereNothingArchivesWal) {
  options.ensure_wal_archived = {};
  options.slot = "tidemark";
  const Error error = error_of([&] { take_backup(options, {repository}); });
  EXPECT_EQ(error.kind(), ErrorKind::refused);
  EXPECT_EQ(error.code(), "wal_not_archived");
  EXPECT_THAT(error.hint(), ::testing::HasSubstr("tidemark serve"));
  EXPECT_TRUE(backups().list().empty());
}

TEST_F(InterruptedBackup, WaitsForWalThatArrivesByItself) {
  options.ensure_wal_archived = {};
  options.check_archiving = false;
  // The archiver's part, played between two looks of the waiting backup.
  class Archiving final : public Progress {
   public:
    explicit Archiving(std::function<void()> act) : act_(std::move(act)) {}
    void begin(std::string_view phase, std::uint64_t) override {
      if (phase.find("WAL") != std::string_view::npos) act_();
    }
    void advance(std::uint64_t) override {}
    void note(std::string_view) override {}
    void end() override {}

   private:
    std::function<void()> act_;
  } progress([&] {
    repository::WalArchive archive = archive_of(cluster, repository);
    archive_finished_segments(cluster, archive);
  });
  const auto taken = backup::take_full_backup(options, {repository}, progress, {}, system_clock());
  EXPECT_TRUE(backups().find_manifest(taken.header.id));
}

TEST_F(InterruptedBackup, RefusesADirectoryThatIsNotTheServers) {
  const PostgresCluster other;
  const std::vector<path> wrong = {other.data_directory(), scratch.path() / "nowhere"};
  for (const path& directory : wrong) {
    options.data_directory = directory;
    const Error error = error_of([&] { take_backup(options, {repository}); });
    EXPECT_EQ(error.kind(), ErrorKind::refused);
    EXPECT_EQ(error.code(), "foreign_data_directory") << error.what();
  }
  EXPECT_TRUE(backups().list().empty());
}

TEST_F(InterruptedBackup, RefusesAStandbysDirectoryForItsPrimary) {
  const auto standby = PostgresCluster::standby_of(cluster);
  options.data_directory = standby->data_directory();
  const Error error = error_of([&] { take_backup(options, {repository}); });
  EXPECT_EQ(error.code(), "foreign_data_directory") << error.what();
  EXPECT_TRUE(backups().list().empty());
}

TEST_F(InterruptedBackup, StandbyThatIsPromotedVoidsIt) {
  const auto standby = PostgresCluster::standby_of(cluster);
  auto there = backup_options(*standby, {repository});
  there.memory_limit_bytes = 1;
  there.jobs = 1;
  there.ensure_wal_archived = [](const backup::WalNeed&) {};
  std::atomic<bool> struck{false};
  store->before_put = [&](std::string_view name) {
    if (name.find("/packs/") != std::string_view::npos && !struck.exchange(true)) standby->promote();
  };
  const Error error = error_of([&] { take_backup(there, {repository}); });
  EXPECT_THAT(error.what(), ::testing::HasSubstr("promoted")) << error.what();
  EXPECT_EQ(count_manifests(), 0U);
}

}  // namespace
}  // namespace tidemark::test
