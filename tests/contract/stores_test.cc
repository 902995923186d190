// The stores that must pass the suite.
#include "contract/faulty_store.h"
#include "contract/object_store_suite.h"
#include "harness/fake_clock.h"
#include "harness/temporary_folder.h"
#include "store/memory_store.h"
#include "store/posix_store.h"
#include "store/retrying_store.h"
#include "tidemark/log.h"

namespace tidemark::harness {

namespace {

StoreUnderTest posix() {
  auto folder = std::make_shared<TemporaryFolder>();
  auto store = store::open_posix_store(*folder / "not/yet/there", disk::real_ops());
  return {folder, std::move(store)};
}

StoreUnderTest memory() { return {nullptr, std::make_unique<store::MemoryStore>()}; }

StoreUnderTest retrying_memory() {
  auto clock = std::make_shared<FakeClock>();
  return {clock, store::make_retrying_store(std::make_unique<store::MemoryStore>(), *clock, StopToken())};
}

// Every call fails twice before it succeeds, and nobody above may notice. Puts are left out: tried again,
// they rightly answer "stored" where the suite wants "already exists"; tests/unit/store has them.
class FailingTwice final : public ObjectStore {
 public:
  StoreFeatures features() const override { return inner_.features(); }
  std::string describe() const override { return inner_.describe(); }
  std::string device() const override { return inner_.device(); }
  PutOutcome put(std::string_view name, std::span<const ByteView> pieces) override {
    return inner_.put(name, pieces);
  }
  std::unique_ptr<ObjectSource> open(std::string_view name) const override {
    trip();
    return inner_.open(name);
  }
  std::optional<ObjectInfo> info(std::string_view name) const override {
    trip();
    return inner_.info(name);
  }
  void list(std::string_view prefix, std::string_view after,
            const std::function<bool(const ObjectInfo&)>& take) const override {
    trip();
    inner_.list(prefix, after, take);
  }
  void list_level(std::string_view prefix, const std::function<bool(std::string_view)>& take) const override {
    trip();
    inner_.list_level(prefix, take);
  }
  void remove(std::string_view name) override {
    trip();
    inner_.remove(name);
  }
  std::unique_ptr<GrowingObject> create_growing(std::string_view name, std::uint64_t reserve_bytes) override {
    return inner_.create_growing(name, reserve_bytes);
  }

 private:
  static void trip() {
    thread_local unsigned calls = 0;
    if (++calls % 3 != 0) throw Error(ErrorKind::unavailable, "not now");
  }
  store::MemoryStore inner_;
};

StoreUnderTest retrying_failing() {
  set_log_level(LogLevel::error);  // thousands of lines about retries otherwise
  auto clock = std::make_shared<FakeClock>();
  return {clock, store::make_retrying_store(std::make_unique<FailingTwice>(), *clock, StopToken())};
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreSuite,
                         testing::Values(StoreMaker{"posix", posix}, StoreMaker{"memory", memory},
                                         StoreMaker{"retrying", retrying_memory},
                                         StoreMaker{"retrying_failing", retrying_failing}),
                         name_of_maker);

}  // namespace tidemark::harness
