#pragma once
// One backup in one repository while it is being made: numbers, the queue to the thread that stores, what was
// stored.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catalog/manifest.h"
#include "catalog/parts.h"
#include "flow/bounded_queue.h"
#include "repository/backup_store.h"
#include "repository/wal_archive.h"

namespace tidemark::backup {

struct FinishedPart {
  std::uint32_t number = 0;
  Bytes bytes;
};

class BackupTarget {
 public:
  BackupTarget(std::shared_ptr<repository::Repository> repository, const catalog::Incarnation& incarnation);

  const std::string& name() const { return store_.repository().name(); }
  std::uint64_t hash_seed() const { return store_.repository().hash_seed(); }
  repository::BackupStore& store() { return store_; }

  // Looks for the newest broken-off backup that began after `oldest` and whose frames may be taken over;
  // before begin().
  void find_broken_off(Instant oldest, const repository::WalArchive& archive);
  // Stores `begun`; from now on the backup has a number space in this repository.
  void begin(catalog::Begun begun);

  std::unique_ptr<repository::PackWriter> new_pack_writer(std::uint64_t target_bytes);
  // A frame of the broken-off backup that holds these very bytes. Any thread.
  std::optional<catalog::FrameLocation> find_reusable(const Hash128& hash) const;

  // What copying and assembling hand to the storing thread. Blocks while it is behind.
  using Item = std::variant<repository::FinishedPack, FinishedPart>;
  flow::BoundedQueue<Item>& queue() { return queue_; }
  void store_queued();  // the storing thread's body: until the queue is closed

  // By the assembler, in path order, one thread at a time.
  void count_extent(const catalog::Extent& extent);
  std::uint32_t next_part_number() { return static_cast<std::uint32_t>(parts_.size()) + 1; }
  void note_part(catalog::PartInfo part) { parts_.push_back(std::move(part)); }

  // After all threads ended: completes the manifest with what this repository holds, checks that what it took
  // over is still there, and stores the manifest.
  catalog::BackupHeader finish(catalog::Manifest manifest, const repository::WalArchive& archive);
  std::uint64_t reused_bytes() const { return reused_bytes_; }

 private:
  bool is_tombstoned(const BackupId& id, const repository::WalArchive& archive) const;
  bool small_enough_to_load(const BackupId& id) const;
  bool load_broken_off(Instant oldest, const repository::WalArchive& archive);
  std::vector<catalog::PackInfo> all_packs() const;

  repository::BackupStore store_;
  BackupId id_;
  std::optional<BackupId> broken_off_;
  std::map<Hash128, catalog::FrameLocation> reusable_;  // owner 1; unchanged once workers run
  flow::BoundedQueue<Item> queue_{1};  // one waits while one is stored: more only takes memory
  std::atomic<std::uint32_t> last_pack_{0};
  std::vector<catalog::PackInfo> packs_;                 // storing thread
  std::vector<catalog::PartInfo> parts_;                 // assembler
  std::map<std::uint32_t, std::uint64_t> reused_packs_;  // assembler; live bytes by pack number of owner 1
  std::uint64_t stored_bytes_ = 0, reused_bytes_ = 0;    // assembler
};

}  // namespace tidemark::backup
