#pragma once
// What every object store must do, as one parameterised suite. Include it in one test file of a program and
// instantiate it with makers of stores; each test gets an empty one.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tidemark/error.h"
#include "tidemark/object_store.h"

namespace tidemark::harness {

struct StoreUnderTest {
  std::shared_ptr<void> keep;  // what the store stands on; destroyed after it
  std::unique_ptr<ObjectStore> store;
};

struct StoreMaker {
  std::string name;
  std::function<StoreUnderTest()> make;
};

class ObjectStoreSuite : public testing::TestWithParam<StoreMaker> {
 protected:
  ObjectStoreSuite() : made_(GetParam().make()), store_(*made_.store) {}

  std::string text_of(std::string_view name) const {
    const auto content = store_.get(name);
    return content ? std::string(as_text(*content)) : "(absent)";
  }
  std::vector<std::string> names(std::string_view prefix = "", std::string_view after = "",
                                 std::size_t at_most = 1000) const {
    std::vector<std::string> found;
    store_.list(prefix, after, [&](const ObjectInfo& object) {
      found.push_back(object.name);
      return found.size() < at_most;
    });
    return found;
  }
  std::vector<std::string> level(std::string_view prefix) const {
    std::vector<std::string> found;
    store_.list_level(prefix, [&](std::string_view name) {
      found.emplace_back(name);
      return true;
    });
    return found;
  }
  void put_all(const std::vector<std::string>& all) {
    for (const auto& name : all) ASSERT_EQ(store_.put(name, as_bytes(name)), PutOutcome::stored) << name;
  }
  static ErrorKind kind_thrown_by(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorKind::interrupted;
  }

  StoreUnderTest made_;
  ObjectStore& store_;
};

inline std::string name_of_maker(const testing::TestParamInfo<StoreMaker>& info) { return info.param.name; }

using Names = std::vector<std::string>;

TEST_P(ObjectStoreSuite, GivesBackWhatWasPut) {
  EXPECT_EQ(store_.put("clusters/main/15-42/identity/1", as_bytes("content")), PutOutcome::stored);
  EXPECT_EQ(text_of("clusters/main/15-42/identity/1"), "content");
  const auto info = store_.info("clusters/main/15-42/identity/1");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->name, "clusters/main/15-42/identity/1");
  EXPECT_EQ(info->size_bytes, 7U);
}

TEST_P(ObjectStoreSuite, SaysThatAnAbsentObjectIsAbsent) {
  EXPECT_EQ(store_.open("a"), nullptr);
  EXPECT_EQ(store_.open("a/b/c"), nullptr);
  EXPECT_FALSE(store_.info("a/b"));
  EXPECT_FALSE(store_.get("a"));
}

TEST_P(ObjectStoreSuite, TakesNoFolderForAnObject) {
  put_all({"folder/object"});
  EXPECT_EQ(store_.open("folder"), nullptr);
  EXPECT_FALSE(store_.info("folder"));
}

TEST_P(ObjectStoreSuite, KeepsTheFirstOfTwoPuts) {
  EXPECT_EQ(store_.put("n", as_bytes("first")), PutOutcome::stored);
  EXPECT_EQ(store_.put("n", as_bytes("second")), PutOutcome::already_exists);
  EXPECT_EQ(store_.put("n", as_bytes("first")), PutOutcome::already_exists);
  EXPECT_EQ(text_of("n"), "first");
}

TEST_P(ObjectStoreSuite, LetsExactlyOneOfManyConcurrentPutsWin) {
  constexpr int kWriters = 4;
  for (int round = 0; round < 20; ++round) {
    const std::string name = "race/" + std::to_string(round) + "/object";
    std::atomic<int> stored = 0, winner = -1;
    {
      std::vector<std::jthread> writers;
      for (int writer = 0; writer < kWriters; ++writer) {
        writers.emplace_back([&, writer] {
          const std::string content(1000 + static_cast<std::size_t>(writer), static_cast<char>('a' + writer));
          if (store_.put(name, as_bytes(content)) == PutOutcome::stored) {
            ++stored;
            winner = writer;
          }
        });
      }
    }
    ASSERT_EQ(stored, 1);
    ASSERT_EQ(text_of(name), std::string(1000 + static_cast<std::size_t>(winner.load()),
                                         static_cast<char>('a' + winner.load())));
  }
}

TEST_P(ObjectStoreSuite, StoresAnEmptyObject) {
  EXPECT_EQ(store_.put("empty", ByteView{}), PutOutcome::stored);
  EXPECT_EQ(store_.put("pieceless", std::span<const ByteView>{}), PutOutcome::stored);
  EXPECT_EQ(text_of("empty"), "");
  EXPECT_EQ(text_of("pieceless"), "");
  EXPECT_EQ(store_.info("empty")->size_bytes, 0U);
}

TEST_P(ObjectStoreSuite, JoinsThePiecesOfALargeObject) {
  Bytes whole(5'000'003);
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<Byte>(i * 2654435761U >> 13);
  const ByteView view(whole);
  const std::vector<ByteView> pieces = {view.first(1), ByteView{}, view.subspan(1, 3'000'000),
                                        view.subspan(3'000'001)};
  EXPECT_EQ(store_.put("packs/0001", pieces), PutOutcome::stored);
  const auto found = store_.get("packs/0001");
  ASSERT_TRUE(found);
  EXPECT_TRUE(*found == whole);
}

TEST_P(ObjectStoreSuite, ReadsRanges) {
  store_.put("n", as_bytes("0123456789"));
  const auto source = store_.open("n");
  ASSERT_TRUE(source);
  EXPECT_EQ(source->size(), 10U);
  Bytes some(4);
  source->read_at(0, some);
  EXPECT_EQ(as_text(some), "0123");
  source->read_at(6, some);
  EXPECT_EQ(as_text(some), "6789");
  source->read_at(10, std::span<Byte>{});
}

TEST_P(ObjectStoreSuite, CallsAReadBeyondTheEndCorrupt) {
  store_.put("n", as_bytes("0123456789"));
  const auto source = store_.open("n");
  Bytes some(4);
  EXPECT_EQ(kind_thrown_by([&] { source->read_at(7, some); }), ErrorKind::corrupt);
  EXPECT_EQ(kind_thrown_by([&] { source->read_at(1'000'000, some); }), ErrorKind::corrupt);
  EXPECT_EQ(kind_thrown_by([&] { store_.get("n", 9); }), ErrorKind::corrupt);
}

TEST_P(ObjectStoreSuite, ListsInBytewiseOrderOfFullNames) {
  // '-' < '.' < '/' < digits < '=' < letters < '_': a walk of folders in the order of their names gets this
  // wrong.
  const Names sorted = {"a-b/c", "a-c",   "a.b", "a.d/e", "a/b",  "a/c.d",
                        "a/c/d", "a/c=d", "a0",  "a=b/c", "aa/b", "a_"};
  Names expected = sorted;
  std::sort(expected.begin(), expected.end());
  Names shuffled = sorted;
  std::reverse(shuffled.begin(), shuffled.end());
  put_all(shuffled);
  EXPECT_EQ(names(), expected);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(names("", expected[i]),
              Names(expected.begin() + static_cast<std::ptrdiff_t>(i) + 1, expected.end()));
  }
}

TEST_P(ObjectStoreSuite, ListsSizes) {
  store_.put("a/x", as_bytes("12345"));
  std::vector<std::uint64_t> sizes;
  store_.list("", "", [&](const ObjectInfo& object) {
    sizes.push_back(object.size_bytes);
    return true;
  });
  EXPECT_EQ(sizes, std::vector<std::uint64_t>{5});
}

TEST_P(ObjectStoreSuite, ListsOnlyBelowThePrefix) {
  put_all({"wal/1/a", "wal/10/a", "wal/2/a", "walrus", "x/wal/1/b"});
  EXPECT_EQ(names("wal/1/"), Names{"wal/1/a"});
  EXPECT_EQ(names("wal/"), (Names{"wal/1/a", "wal/10/a", "wal/2/a"}));
  EXPECT_EQ(names("nothing/here/"), Names{});
  EXPECT_EQ(names("walrus/"), Names{});  // an object, not a folder
}

TEST_P(ObjectStoreSuite, ListsAfterNamesThatDoNotExist) {
  put_all({"p/a/1", "p/a/3", "p/b/1", "q"});
  EXPECT_EQ(names("p/", "p/a/2"), (Names{"p/a/3", "p/b/1"}));
  EXPECT_EQ(names("p/", "p/a/"), (Names{"p/a/1", "p/a/3", "p/b/1"}));
  EXPECT_EQ(names("p/", "p/a"), (Names{"p/a/1", "p/a/3", "p/b/1"}));
  EXPECT_EQ(names("p/", "p/aa"), Names{"p/b/1"});
  EXPECT_EQ(names("p/", "a"), (Names{"p/a/1", "p/a/3", "p/b/1"}));  // before the prefix
  EXPECT_EQ(names("p/", "q"), Names{});                             // behind it
}

TEST_P(ObjectStoreSuite, StopsListingWhenToldTo) {
  put_all({"a/1", "a/2", "b/1", "c"});
  EXPECT_EQ(names("", "", 2), (Names{"a/1", "a/2"}));
  EXPECT_EQ(names("", "a/1", 2), (Names{"a/2", "b/1"}));
}

TEST_P(ObjectStoreSuite, PassesOnWhatTheReceiverOfAListingThrows) {
  put_all({"a/1", "a/2"});
  int taken = 0;
  const auto list = [&] {
    store_.list("", "", [&](const ObjectInfo&) -> bool {
      ++taken;
      throw Error(ErrorKind::unavailable, "the receiver's own trouble");
    });
  };
  EXPECT_EQ(kind_thrown_by(list), ErrorKind::unavailable);
  EXPECT_EQ(taken, 1);
}

TEST_P(ObjectStoreSuite, ListsOneLevel) {
  put_all({"b/x", "b/y/z", "a", "b-c/d", "b.d"});
  EXPECT_EQ(level(""), (Names{"a", "b-c/", "b.d", "b/"}));
  EXPECT_EQ(level("b/"), (Names{"x", "y/"}));
  EXPECT_EQ(level("absent/"), Names{});
}

TEST_P(ObjectStoreSuite, RemovesDurablyAndForgives) {
  put_all({"a/1", "a/2"});
  store_.remove("a/1");
  EXPECT_FALSE(store_.info("a/1"));
  EXPECT_EQ(names(), Names{"a/2"});
  store_.remove("a/1");
  store_.remove("never/was/there");
  EXPECT_EQ(store_.put("a/1", as_bytes("again")), PutOutcome::stored);
  EXPECT_EQ(text_of("a/1"), "again");
}

TEST_P(ObjectStoreSuite, TakesNamesOfManyLevels) {
  std::string deep = "level";
  for (int i = 0; i < 20; ++i) deep += "/level" + std::to_string(i);
  EXPECT_EQ(store_.put(deep, as_bytes("down here")), PutOutcome::stored);
  EXPECT_EQ(text_of(deep), "down here");
  EXPECT_EQ(names(), Names{deep});
}

TEST_P(ObjectStoreSuite, RefusesInvalidNames) {
  for (const char* name : {"", "/a", "a/", "a//b", "..", "a/../b", "./a", "a b", "a\nb", "\xc3\xa4"}) {
    EXPECT_EQ(kind_thrown_by([&] { store_.put(name, as_bytes("x")); }), ErrorKind::internal) << name;
    EXPECT_EQ(kind_thrown_by([&] { store_.open(name); }), ErrorKind::internal) << name;
    EXPECT_EQ(kind_thrown_by([&] { store_.info(name); }), ErrorKind::internal) << name;
    EXPECT_EQ(kind_thrown_by([&] { store_.remove(name); }), ErrorKind::internal) << name;
  }
  EXPECT_EQ(kind_thrown_by([&] { names("no-slash"); }), ErrorKind::internal);
  EXPECT_EQ(kind_thrown_by([&] { names("../"); }), ErrorKind::internal);
  EXPECT_EQ(kind_thrown_by([&] { level("/"); }), ErrorKind::internal);
  EXPECT_EQ(names(), Names{});
}

TEST_P(ObjectStoreSuite, DescribesItself) { EXPECT_FALSE(store_.describe().empty()); }

// What a reader may rely on: the bytes appended so far, then nothing or zeros.
TEST_P(ObjectStoreSuite, ShowsAGrowingObjectsPrefix) {
  if (!store_.features().append) GTEST_SKIP() << "no growing objects";
  const auto growing = store_.create_growing("wal/1/0/segment.open.0", 100'000);
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    const std::string more(static_cast<std::size_t>(i * 97 + 1), static_cast<char>('A' + i % 26));
    growing->append(as_bytes(more));
    growing->sync();
    expected += more;
    const std::string found = text_of("wal/1/0/segment.open.0");
    ASSERT_GE(found.size(), expected.size());
    ASSERT_EQ(found.substr(0, expected.size()), expected);
    ASSERT_EQ(found.find_first_not_of('\0', expected.size()), found.npos);
  }
  EXPECT_GT(expected.size(), 100'000U);  // it grew beyond what was reserved
}

TEST_P(ObjectStoreSuite, GrowsByLargeAndSmallAppendsAlike) {
  if (!store_.features().append) GTEST_SKIP() << "no growing objects";
  const auto growing = store_.create_growing("g", 2 << 20);
  std::string expected;
  for (const std::size_t size :
       {10U, 300'000U, 5U, 70'000U, 262'144U, 1U, 65'536U, 65'535U, 0U, 1'000'000U, 600'000U}) {
    const std::string more(size, static_cast<char>('a' + size % 26));
    growing->append(as_bytes(more));
    expected += more;
  }
  growing->sync();
  const std::string found = text_of("g");
  EXPECT_TRUE(found.substr(0, expected.size()) == expected);
  EXPECT_EQ(found.find_first_not_of('\0', expected.size()), found.npos);
}

TEST_P(ObjectStoreSuite, CreatesAGrowingObjectOnlyOnce) {
  if (!store_.features().append) GTEST_SKIP() << "no growing objects";
  store_.create_growing("g", 0)->append(as_bytes("first"));
  EXPECT_EQ(kind_thrown_by([&] { store_.create_growing("g", 0); }), ErrorKind::mismatch);
  EXPECT_EQ(store_.put("g", as_bytes("x")), PutOutcome::already_exists);
  EXPECT_EQ(text_of("g"), "first");
  store_.remove("g");
  EXPECT_FALSE(store_.info("g"));
}

}  // namespace tidemark::harness
