#pragma once
// Objects in memory: the fake of the port. Behaves as posix does, growing objects with zeros behind them
// included.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "tidemark/object_store.h"

namespace tidemark::store {

class MemoryStore final : public ObjectStore {
 public:
  StoreFeatures features() const override;
  std::string describe() const override { return "memory"; }
  std::string device() const override { return {}; }
  using ObjectStore::put;
  PutOutcome put(std::string_view name, std::span<const ByteView> pieces) override;
  std::unique_ptr<ObjectSource> open(std::string_view name) const override;
  std::optional<ObjectInfo> info(std::string_view name) const override;
  void list(std::string_view prefix, std::string_view after,
            const std::function<bool(const ObjectInfo&)>& take) const override;
  void list_level(std::string_view prefix, const std::function<bool(std::string_view)>& take) const override;
  void remove(std::string_view name) override;
  std::unique_ptr<GrowingObject> create_growing(std::string_view name, std::uint64_t reserve_bytes) override;

  // Against the port's rules, for tests of what damage does: the object gets other content, existing or not.
  void overwrite(std::string_view name, Bytes content);

  struct Cell;  // one object's bytes

 private:
  std::vector<ObjectInfo> snapshot(std::string_view prefix, std::string_view after) const;
  mutable std::mutex mutex_;  // guards objects_; each cell has its own
  std::map<std::string, std::shared_ptr<Cell>, std::less<>> objects_;
};

}  // namespace tidemark::store
