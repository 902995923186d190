#pragma once
// A store in front of another one that fails or hangs while told to, and can be without the feature append.
// Any thread.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "tidemark/error.h"
#include "tidemark/object_store.h"

namespace tidemark::test {

// Shared by a test and the stores it gates.
class Gate {
 public:
  enum class Mode { open, failing, hanging };
  void set(Mode mode) {
    const std::lock_guard lock(mutex_);
    mode_ = mode;
    condition_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    if (mode_ != Mode::open) ++held_;
    condition_.wait(lock, [&] { return mode_ != Mode::hanging; });
    if (mode_ == Mode::failing) throw Error(ErrorKind::unavailable, "the gated store is closed");
  }
  int held() const {  // calls that met a closed gate
    const std::lock_guard lock(mutex_);
    return held_;
  }

 private:
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable condition_;
  Mode mode_ = Mode::open;
  int held_ = 0;
};

class GatedStore final : public ObjectStore {
 public:
  GatedStore(std::shared_ptr<ObjectStore> inner, std::shared_ptr<Gate> gate, bool append)
      : inner_(std::move(inner)), gate_(std::move(gate)), append_(append) {}

  StoreFeatures features() const override {
    StoreFeatures features = inner_->features();
    features.append = append_;
    return features;
  }
  std::string describe() const override { return "gated"; }
  std::string device() const override { return {}; }
  using ObjectStore::put;
  PutOutcome put(std::string_view name, std::span<const ByteView> pieces) override {
    gate_->pass();
    return inner_->put(name, pieces);
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
  void remove(std::string_view name) override {
    gate_->pass();
    inner_->remove(name);
  }
  std::unique_ptr<GrowingObject> create_growing(std::string_view name, std::uint64_t reserve) override {
    gate_->pass();
    return std::make_unique<Growing>(inner_->create_growing(name, reserve), gate_);
  }

 private:
  class Growing final : public GrowingObject {
   public:
    Growing(std::unique_ptr<GrowingObject> inner, std::shared_ptr<Gate> gate)
        : inner_(std::move(inner)), gate_(std::move(gate)) {}
    void append(ByteView bytes) override {
      gate_->pass();
      inner_->append(bytes);
    }
    void sync() override {
      gate_->pass();
      inner_->sync();
    }

   private:
    std::unique_ptr<GrowingObject> inner_;
    std::shared_ptr<Gate> gate_;
  };

  std::shared_ptr<ObjectStore> inner_;
  std::shared_ptr<Gate> gate_;
  bool append_;
};

}  // namespace tidemark::test
