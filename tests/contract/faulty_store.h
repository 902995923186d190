#pragma once
// A store that fails, loses its answer or hangs at chosen calls: a wrapper for tests. `inner` must outlive
// it. Any thread.

#include <condition_variable>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>

#include "tidemark/error.h"
#include "tidemark/object_store.h"

namespace tidemark::harness {

enum class StoreCall : unsigned {
  put = 1,
  open = 2,
  info = 4,
  list = 8,
  list_level = 16,
  remove = 32,
  create_growing = 64,
  append = 128,
  sync = 256,
  read = 512,
  any = 1023,
};
constexpr StoreCall operator|(StoreCall one, StoreCall other) {
  return static_cast<StoreCall>(static_cast<unsigned>(one) | static_cast<unsigned>(other));
}

enum class StoreFault {
  refuse,       // the call is not made
  lose_answer,  // the call is made, then fails
  break_off,    // a listing: fails after its first name; other calls: as refuse
  hang,         // the call waits for heal(), and is then made
};

class FaultyStore final : public ObjectStore {
 public:
  explicit FaultyStore(ObjectStore& inner) : inner_(inner) {}

  // From now on, calls number first..last (from 1) of the given sort suffer; replaces what was planned
  // before.
  void plan(StoreCall calls, StoreFault fault, std::size_t first = 1,
            std::size_t last = std::numeric_limits<std::size_t>::max(),
            ErrorKind kind = ErrorKind::unavailable) {
    const std::lock_guard lock(mutex_);
    calls_ = calls;
    fault_ = fault;
    first_ = first;
    last_ = last;
    kind_ = kind;
    seen_ = 0;
  }
  void fail_next(std::size_t count, StoreCall calls = StoreCall::any,
                 ErrorKind kind = ErrorKind::unavailable) {
    plan(calls, StoreFault::refuse, 1, count, kind);
  }
  void heal() {
    const std::lock_guard lock(mutex_);
    first_ = last_ = 0;
    changed_.notify_all();
  }
  // Returns once a call hangs.
  void wait_until_hanging() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return hanging_ > 0; });
  }
  std::size_t calls_seen() const {  // of the planned sort, since plan()
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  StoreFeatures features() const override { return inner_.features(); }
  std::string describe() const override { return "faulty " + inner_.describe(); }
  std::string device() const override { return inner_.device(); }
  using ObjectStore::put;
  PutOutcome put(std::string_view name, std::span<const ByteView> pieces) override {
    return around(StoreCall::put, [&](bool) { return inner_.put(name, pieces); });
  }
  std::unique_ptr<ObjectSource> open(std::string_view name) const override {
    auto source = around(StoreCall::open, [&](bool) { return inner_.open(name); });
    return source ? std::make_unique<Source>(*this, std::move(source)) : nullptr;
  }
  std::optional<ObjectInfo> info(std::string_view name) const override {
    return around(StoreCall::info, [&](bool) { return inner_.info(name); });
  }
  void list(std::string_view prefix, std::string_view after,
            const std::function<bool(const ObjectInfo&)>& take) const override {
    around(StoreCall::list, [&](bool first_only) {
      inner_.list(prefix, after, [&](const ObjectInfo& object) { return take(object) && !first_only; });
    });
  }
  void list_level(std::string_view prefix, const std::function<bool(std::string_view)>& take) const override {
    around(StoreCall::list_level, [&](bool first_only) {
      inner_.list_level(prefix, [&](std::string_view name) { return take(name) && !first_only; });
    });
  }
  void remove(std::string_view name) override {
    around(StoreCall::remove, [&](bool) { inner_.remove(name); });
  }
  std::unique_ptr<GrowingObject> create_growing(std::string_view name, std::uint64_t reserve_bytes) override {
    auto growing =
        around(StoreCall::create_growing, [&](bool) { return inner_.create_growing(name, reserve_bytes); });
    return std::make_unique<Growing>(*this, std::move(growing));
  }

 private:
  class Source final : public ObjectSource {
   public:
    Source(const FaultyStore& store, std::unique_ptr<ObjectSource> inner)
        : store_(store), inner_(std::move(inner)) {}
    std::uint64_t size() const override { return inner_->size(); }
    void read_at(std::uint64_t offset, std::span<Byte> to) const override {
      store_.around(StoreCall::read, [&](bool) { inner_->read_at(offset, to); });
    }

   private:
    const FaultyStore& store_;
    std::unique_ptr<ObjectSource> inner_;
  };

  class Growing final : public GrowingObject {
   public:
    Growing(const FaultyStore& store, std::unique_ptr<GrowingObject> inner)
        : store_(store), inner_(std::move(inner)) {}
    void append(ByteView bytes) override {
      store_.around(StoreCall::append, [&](bool) { inner_->append(bytes); });
    }
    void sync() override {
      store_.around(StoreCall::sync, [&](bool) { inner_->sync(); });
    }

   private:
    const FaultyStore& store_;
    std::unique_ptr<GrowingObject> inner_;
  };

  bool struck(StoreCall call) const {  // under the lock
    if ((static_cast<unsigned>(call) & static_cast<unsigned>(calls_)) == 0) return false;
    ++seen_;
    return first_ != 0 && seen_ >= first_ && seen_ <= last_;
  }

  template <typename Make>
  std::invoke_result_t<Make, bool> around(StoreCall call, const Make& make) const {
    std::unique_lock lock(mutex_);
    if (!struck(call)) {
      lock.unlock();
      return make(false);
    }
    const StoreFault fault = fault_;
    const ErrorKind kind = kind_;
    if (fault == StoreFault::hang) {
      ++hanging_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return first_ == 0; });
      --hanging_;
      lock.unlock();
      return make(false);
    }
    lock.unlock();
    const bool listing = call == StoreCall::list || call == StoreCall::list_level;
    if (fault == StoreFault::lose_answer) make(false);
    if (fault == StoreFault::break_off && listing) make(true);
    throw Error(kind, "the store was told to fail");
  }

  ObjectStore& inner_;
  mutable std::mutex mutex_;  // guards all below
  mutable std::condition_variable changed_;
  StoreCall calls_ = StoreCall::any;
  StoreFault fault_ = StoreFault::refuse;
  std::size_t first_ = 0, last_ = 0;  // 0: none
  ErrorKind kind_ = ErrorKind::unavailable;
  mutable std::size_t seen_ = 0;
  mutable std::size_t hanging_ = 0;
};

}  // namespace tidemark::harness
