#include "store/retrying_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <random>

#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::store {

namespace {

// What a try loop needs; shared with the sources, which may outlive a call but not the store's owner's clock.
class Retry {
 public:
  Retry(Clock& clock, StopToken stop, RetryLimits limits)
      : clock_(clock), stop_(std::move(stop)), limits_(limits) {}

  // `attempt` is told how many tries failed before.
  template <typename Attempt>
  auto run(std::string_view doing, const Attempt& attempt) const {
    const auto began = clock_.steady();
    Microseconds wait = limits_.first_wait;
    for (int failed = 0;; ++failed) {
      try {
        return attempt(failed);
      } catch (const Error& error) {
        if (!traits(error.kind()).retry || !time_left(began, wait)) throw;
        log_warning("store",
                    fmt::format("{}: {}; trying again in {:.1f} s", doing, error.what(), to_seconds(wait)));
        pause(wait, error);
      }
      wait = std::min(wait * 2, limits_.longest_wait);
    }
  }

 private:
  bool time_left(std::chrono::steady_clock::time_point began, Microseconds wait) const {
    return clock_.steady() + wait <= began + limits_.give_up_after;
  }

  void pause(Microseconds wait, const Error& error) const {
    // Spread, so that many workers that failed together do not come back together.
    thread_local std::minstd_rand random{std::random_device{}()};
    std::uniform_int_distribution<Microseconds::rep> spread(wait.count() / 2, wait.count());
    if (clock_.sleep(Microseconds(spread(random)), stop_)) return;
    throw Error(ErrorKind::interrupted, fmt::format("stopped while waiting to try again: {}", error.what()));
  }

  Clock& clock_;
  StopToken stop_;
  RetryLimits limits_;
};

class RetryingSource final : public ObjectSource {
 public:
  RetryingSource(std::unique_ptr<ObjectSource> inner, std::string name, std::shared_ptr<const Retry> retry)
      : inner_(std::move(inner)), name_(std::move(name)), retry_(std::move(retry)) {}
  std::uint64_t size() const override { return inner_->size(); }
  void read_at(std::uint64_t offset, std::span<Byte> to) const override {
    retry_->run("reading " + name_, [&](int) { inner_->read_at(offset, to); });
  }

 private:
  std::unique_ptr<ObjectSource> inner_;
  std::string name_;
  std::shared_ptr<const Retry> retry_;
};

// Stands between a listing and its receiver, so that an error of the receiver's is never taken for one of the
// store's.
template <typename Item>
class Receiver {
 public:
  explicit Receiver(const std::function<bool(Item)>& take) : take_(take) {}
  bool operator()(Item item) {
    try {
      return take_(item);
    } catch (...) {
      thrown_ = std::current_exception();
      return false;
    }
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  const std::function<bool(Item)>& take_;
  std::exception_ptr thrown_;
};

class RetryingStore final : public ObjectStore {
 public:
  RetryingStore(std::unique_ptr<ObjectStore> inner, Clock& clock, StopToken stop, RetryLimits limits)
      : inner_(std::move(inner)), retry_(std::make_shared<Retry>(clock, std::move(stop), limits)) {}

  StoreFeatures features() const override { return inner_->features(); }
  std::string describe() const override { return inner_->describe(); }
  std::string device() const override { return inner_->device(); }

  PutOutcome put(std::string_view name, std::span<const ByteView> pieces) override {
    bool failed_before = false;
    const PutOutcome outcome = retry_->run(fmt::format("putting {}", name), [&](int failed) {
      failed_before = failed > 0;
      return inner_->put(name, pieces);
    });
    if (outcome == PutOutcome::stored || !failed_before) return outcome;
    return holds(name, pieces) ? PutOutcome::stored : outcome;
  }

  std::unique_ptr<ObjectSource> open(std::string_view name) const override {
    auto source = retry_->run(fmt::format("opening {}", name), [&](int) { return inner_->open(name); });
    if (!source) return nullptr;
    return std::make_unique<RetryingSource>(std::move(source), std::string(name), retry_);
  }

  std::optional<ObjectInfo> info(std::string_view name) const override {
    return retry_->run(fmt::format("looking for {}", name), [&](int) { return inner_->info(name); });
  }

  void list(std::string_view prefix, std::string_view after,
            const std::function<bool(const ObjectInfo&)>& take) const override {
    std::string last(after);
    Receiver<const ObjectInfo&> receiver(take);
    retry_->run(fmt::format("listing {}", prefix), [&](int) {
      inner_->list(prefix, std::string(last), [&](const ObjectInfo& object) {
        last = object.name;
        return receiver(object);
      });
    });
    receiver.rethrow();
  }

  void list_level(std::string_view prefix, const std::function<bool(std::string_view)>& take) const override {
    std::string last;
    Receiver<std::string_view> receiver(take);
    retry_->run(fmt::format("listing {}", prefix), [&](int) {
      inner_->list_level(prefix, [&](std::string_view level) {
        if (level <= last) return true;
        last = level;
        return receiver(level);
      });
    });
    receiver.rethrow();
  }

  void remove(std::string_view name) override {
    retry_->run(fmt::format("removing {}", name), [&](int) { inner_->remove(name); });
  }

  std::unique_ptr<GrowingObject> create_growing(std::string_view name, std::uint64_t reserve_bytes) override {
    return inner_->create_growing(name, reserve_bytes);
  }

 private:
  bool holds(std::string_view name, std::span<const ByteView> pieces) const {
    const auto source = open(name);
    std::uint64_t size = 0;
    for (const ByteView piece : pieces) size += piece.size();
    if (!source || source->size() != size) return false;
    std::uint64_t at = 0;
    Bytes buffer;
    for (ByteView piece : pieces) {
      while (!piece.empty()) {
        buffer.resize(std::min<std::size_t>(piece.size(), 1U << 20));
        source->read_at(at, buffer);
        if (!std::equal(buffer.begin(), buffer.end(), piece.begin())) return false;
        at += buffer.size();
        piece = piece.subspan(buffer.size());
      }
    }
    return true;
  }

  std::unique_ptr<ObjectStore> inner_;
  std::shared_ptr<const Retry> retry_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_retrying_store(std::unique_ptr<ObjectStore> inner, Clock& clock,
                                                 StopToken stop, RetryLimits limits) {
  return std::make_unique<RetryingStore>(std::move(inner), clock, std::move(stop), limits);
}

}  // namespace tidemark::store
