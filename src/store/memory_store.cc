#include "store/memory_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "store/names.h"

namespace tidemark::store {

struct MemoryStore::Cell {
  explicit Cell(Bytes bytes) : content(std::move(bytes)) {}
  std::uint64_t size() const {
    const std::lock_guard lock(mutex);
    return content.size();
  }
  mutable std::mutex mutex;  // guards content: a growing object is read while it grows
  Bytes content;
};

namespace {

class MemorySource final : public ObjectSource {
 public:
  MemorySource(std::string_view name, std::shared_ptr<const MemoryStore::Cell> cell)
      : name_(name), cell_(std::move(cell)), size_(cell_->size()) {}
  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<Byte> to) const override {
    const std::lock_guard lock(cell_->mutex);
    if (offset > cell_->content.size() || to.size() > cell_->content.size() - offset) {
      throw beyond_the_end(name_, cell_->content.size(), offset, to.size());
    }
    std::copy_n(cell_->content.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
  }

 private:
  std::string name_;
  std::shared_ptr<const MemoryStore::Cell> cell_;
  std::uint64_t size_;
};

class MemoryGrowing final : public GrowingObject {
 public:
  explicit MemoryGrowing(std::shared_ptr<MemoryStore::Cell> cell) : cell_(std::move(cell)) {}
  void append(ByteView bytes) override {
    const std::lock_guard lock(cell_->mutex);
    Bytes& content = cell_->content;
    content.resize(std::max<std::size_t>(content.size(), at_ + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += bytes.size();
  }
  void sync() override {}

 private:
  std::shared_ptr<MemoryStore::Cell> cell_;
  std::size_t at_ = 0;
};

}  // namespace

StoreFeatures MemoryStore::features() const {
  return {.conditional_put = true, .append = true, .versions = false, .list_after = true};
}

PutOutcome MemoryStore::put(std::string_view name, std::span<const ByteView> pieces) {
  check_name(name);
  Bytes content;
  for (const ByteView piece : pieces) content.insert(content.end(), piece.begin(), piece.end());
  auto cell = std::make_shared<Cell>(std::move(content));
  const std::lock_guard lock(mutex_);
  const bool added = objects_.try_emplace(std::string(name), std::move(cell)).second;
  return added ? PutOutcome::stored : PutOutcome::already_exists;
}

std::unique_ptr<ObjectSource> MemoryStore::open(std::string_view name) const {
  check_name(name);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(name);
  if (found == objects_.end()) return nullptr;
  return std::make_unique<MemorySource>(name, found->second);
}

std::optional<ObjectInfo> MemoryStore::info(std::string_view name) const {
  check_name(name);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(name);
  if (found == objects_.end()) return std::nullopt;
  return ObjectInfo{found->first, found->second->size()};
}

// A copy, so that `take` may call the store.
std::vector<ObjectInfo> MemoryStore::snapshot(std::string_view prefix, std::string_view after) const {
  check_prefix(prefix);
  std::vector<ObjectInfo> found;
  const std::lock_guard lock(mutex_);
  auto at = after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(after);
  for (; at != objects_.end() && at->first.starts_with(prefix); ++at)
    found.push_back({at->first, at->second->size()});
  return found;
}

void MemoryStore::list(std::string_view prefix, std::string_view after,
                       const std::function<bool(const ObjectInfo&)>& take) const {
  for (const ObjectInfo& object : snapshot(prefix, after)) {
    if (!take(object)) return;
  }
}

void MemoryStore::list_level(std::string_view prefix,
                             const std::function<bool(std::string_view)>& take) const {
  std::string last;
  for (const ObjectInfo& object : snapshot(prefix, "")) {
    const std::string_view rest = std::string_view(object.name).substr(prefix.size());
    const auto slash = rest.find('/');
    const std::string_view level = slash == rest.npos ? rest : rest.substr(0, slash + 1);
    if (level == last) continue;
    last = level;
    if (!take(level)) return;
  }
}

void MemoryStore::remove(std::string_view name) {
  check_name(name);
  const std::lock_guard lock(mutex_);
  if (const auto found = objects_.find(name); found != objects_.end()) objects_.erase(found);
}

std::unique_ptr<GrowingObject> MemoryStore::create_growing(std::string_view name,
                                                           std::uint64_t reserve_bytes) {
  check_name(name);
  auto cell = std::make_shared<Cell>(Bytes(reserve_bytes));
  const std::lock_guard lock(mutex_);
  if (!objects_.try_emplace(std::string(name), cell).second) {
    throw Error(ErrorKind::mismatch, fmt::format("creating object {}: it exists", name)).code("file_exists");
  }
  return std::make_unique<MemoryGrowing>(std::move(cell));
}

void MemoryStore::overwrite(std::string_view name, Bytes content) {
  check_name(name);
  auto cell = std::make_shared<Cell>(std::move(content));
  const std::lock_guard lock(mutex_);
  objects_.insert_or_assign(std::string(name), std::move(cell));
}

}  // namespace tidemark::store
