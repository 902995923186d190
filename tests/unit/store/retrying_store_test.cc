#include "store/retrying_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "contract/faulty_store.h"
#include "harness/fake_clock.h"
#include "store/memory_store.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::store {

namespace {

using harness::FaultyStore;
using harness::StoreCall;
using harness::StoreFault;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Owns nothing: lets a test keep hold of the store below a wrapper that wants to own it.
class Borrowed final : public ObjectStore {
 public:
  explicit Borrowed(ObjectStore& to) : to_(to) {}
  StoreFeatures features() const override { return to_.features(); }
  std::string describe() const override { return to_.describe(); }
  std::string device() const override { return to_.device(); }
  PutOutcome put(std::string_view name, std::span<const ByteView> pieces) override {
    return to_.put(name, pieces);
  }
  std::unique_ptr<ObjectSource> open(std::string_view name) const override { return to_.open(name); }
  std::optional<ObjectInfo> info(std::string_view name) const override { return to_.info(name); }
  void list(std::string_view prefix, std::string_view after,
            const std::function<bool(const ObjectInfo&)>& take) const override {
    to_.list(prefix, after, take);
  }
  void list_level(std::string_view prefix, const std::function<bool(std::string_view)>& take) const override {
    to_.list_level(prefix, take);
  }
  void remove(std::string_view name) override { to_.remove(name); }
  std::unique_ptr<GrowingObject> create_growing(std::string_view name, std::uint64_t reserve_bytes) override {
    return to_.create_growing(name, reserve_bytes);
  }

 private:
  ObjectStore& to_;
};

class RetryingStoreTest : public testing::Test {
 protected:
  RetryingStoreTest() {
    set_log_level(LogLevel::error);
    store_ = make_retrying_store(std::make_unique<Borrowed>(faulty_), clock_, stop_.token(), limits_);
  }
  ~RetryingStoreTest() override { set_log_level(LogLevel::info); }

  harness::FakeClock clock_;
  StopSource stop_;
  RetryLimits limits_;
  MemoryStore memory_;
  FaultyStore faulty_{memory_};
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(RetryingStoreTest, WaitsTwiceAsLongEachTimeWithSpread) {
  faulty_.fail_next(5);
  EXPECT_EQ(store_->put("n", as_bytes("x")), PutOutcome::stored);
  const auto sleeps = clock_.sleeps();
  ASSERT_EQ(sleeps.size(), 5U);
  Microseconds longest = limits_.first_wait;
  for (const auto sleep : sleeps) {
    EXPECT_GE(sleep, longest / 2);
    EXPECT_LE(sleep, longest);
    longest *= 2;
  }
}

TEST_F(RetryingStoreTest, GivesUpInTimeWithTheLastError) {
  faulty_.plan(StoreCall::any, StoreFault::refuse);
  const auto began = clock_.steady();
  try {
    store_->info("n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_EQ(error.message(), "the store was told to fail");
  }
  EXPECT_LE(clock_.steady() - began, limits_.give_up_after);
  EXPECT_GT(clock_.steady() - began, limits_.give_up_after / 2);
  for (const auto sleep : clock_.sleeps()) EXPECT_LE(sleep, limits_.longest_wait);
}

TEST_F(RetryingStoreTest, DoesNotRepeatWhatCannotHeal) {
  for (const ErrorKind kind : {ErrorKind::io, ErrorKind::corrupt, ErrorKind::config, ErrorKind::internal}) {
    faulty_.fail_next(1, StoreCall::any, kind);
    EXPECT_THROW(store_->info("n"), Error);
  }
  EXPECT_TRUE(clock_.sleeps().empty());
}

TEST_F(RetryingStoreTest, StopsWhenAsked) {
  faulty_.plan(StoreCall::any, StoreFault::refuse);
  stop_.request_stop();
  try {
    store_->info("n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_NE(error.message().find("the store was told to fail"), std::string::npos);
  }
}

TEST_F(RetryingStoreTest, RecognisesItsOwnPutWhoseAnswerWasLost) {
  faulty_.plan(StoreCall::put, StoreFault::lose_answer, 1, 1);
  const ByteView pieces[] = {as_bytes("con"), {}, as_bytes("tent")};
  EXPECT_EQ(store_->put("n", pieces), PutOutcome::stored);
  EXPECT_EQ(as_text(*memory_.get("n")), "content");
}

TEST_F(RetryingStoreTest, LeavesAnothersObjectWhenAPutFailedBefore) {
  memory_.put("n", as_bytes("others!"));
  faulty_.fail_next(1, StoreCall::put);
  EXPECT_EQ(store_->put("n", as_bytes("content")), PutOutcome::already_exists);  // of the same length
  faulty_.fail_next(1, StoreCall::put);
  EXPECT_EQ(store_->put("n", as_bytes("longer content")), PutOutcome::already_exists);
  faulty_.heal();
  EXPECT_EQ(store_->put("n", as_bytes("others!")), PutOutcome::already_exists);
  EXPECT_EQ(as_text(*memory_.get("n")), "others!");
}

TEST_F(RetryingStoreTest, ComparesEvenWhileTheStoreIsUnsteady) {
  faulty_.plan(StoreCall::put, StoreFault::lose_answer, 1, 1);
  FaultyStore reading(static_cast<ObjectStore&>(faulty_));
  reading.plan(StoreCall::open | StoreCall::read, StoreFault::refuse, 1, 3);
  const auto store = make_retrying_store(std::make_unique<Borrowed>(reading), clock_, stop_.token(), limits_);
  EXPECT_EQ(store->put("n", as_bytes("content")), PutOutcome::stored);
  EXPECT_EQ(reading.calls_seen(), 5U);  // three refusals, one open, one read
}

TEST_F(RetryingStoreTest, ReadsAgain) {
  memory_.put("n", as_bytes("content"));
  const auto source = store_->open("n");
  faulty_.fail_next(3, StoreCall::read);
  Bytes found(7);
  source->read_at(0, found);
  EXPECT_EQ(as_text(found), "content");
  EXPECT_EQ(clock_.sleeps().size(), 3U);
}

TEST_F(RetryingStoreTest, GoesOnListingBehindWhatItDelivered) {
  for (const char* name : {"a/1", "a/2", "a/3", "b"}) memory_.put(name, as_bytes("x"));
  faulty_.plan(StoreCall::list, StoreFault::break_off, 1, 2);
  std::vector<std::string> names;
  store_->list("a/", "", [&](const ObjectInfo& object) {
    names.push_back(object.name);
    return true;
  });
  EXPECT_EQ(names, (std::vector<std::string>{"a/1", "a/2", "a/3"}));
  faulty_.plan(StoreCall::list_level, StoreFault::break_off, 1, 2);
  names.clear();
  store_->list_level("", [&](std::string_view name) {
    names.emplace_back(name);
    return true;
  });
  EXPECT_EQ(names, (std::vector<std::string>{"a/", "b"}));
}

TEST_F(RetryingStoreTest, PassesGrowingObjectsThrough) {
  const auto growing = store_->create_growing("g", 0);
  faulty_.fail_next(1, StoreCall::append);
  EXPECT_THROW(growing->append(as_bytes("x")), Error);
  EXPECT_TRUE(clock_.sleeps().empty());
}

TEST(FaultyStore, HangsUntilHealed) {
  MemoryStore memory;
  FaultyStore faulty(memory);
  faulty.plan(StoreCall::put, StoreFault::hang);
  std::jthread putter([&] { faulty.put("n", as_bytes("x")); });
  faulty.wait_until_hanging();
  EXPECT_FALSE(memory.info("n"));
  faulty.heal();
  putter.join();
  EXPECT_TRUE(memory.info("n"));
}

TEST(MemoryStore, CanBeDamagedOnPurpose) {
  MemoryStore memory;
  memory.put("n", as_bytes("content"));
  memory.overwrite("n", Bytes(3));
  EXPECT_EQ(memory.info("n")->size_bytes, 3U);
}

}  // namespace

}  // namespace tidemark::store
