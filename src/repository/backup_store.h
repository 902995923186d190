#pragma once
// Backups of one incarnation in one repository: packs, parts and manifest in, extents out.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/manifest.h"
#include "catalog/names.h"
#include "catalog/parts.h"
#include "repository/pack_contents.h"
#include "repository/repository.h"

namespace tidemark::repository {

// A pack that is finished and waits to be stored.
struct FinishedPack {
  std::string name;
  std::uint32_t number = 0;
  Bytes bytes;
  std::uint64_t live_bytes = 0;
};

// Fills packs with frames; each worker has its own. One thread.
class PackWriter {
 public:
  // `next_number` hands out pack numbers, unique within the backup (shared by all workers).
  PackWriter(const Repository& repository, catalog::Incarnation incarnation, BackupId id,
             std::uint64_t target_bytes, std::function<std::uint32_t()> next_number);
  ~PackWriter();
  // Seals one extent. The location's owner is 0 (this backup). `hash` as in Extent::hash.
  catalog::FrameLocation add(ByteView plain, const Hash128& hash);
  bool full() const;  // target reached: take it with finish()
  bool empty() const;
  FinishedPack finish();  // writes the table of contents; the next add() begins a new pack

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class BackupStore {
 public:
  BackupStore(std::shared_ptr<Repository> repository, catalog::Incarnation incarnation);
  Repository& repository() const { return *repository_; }
  const catalog::Incarnation& incarnation() const { return incarnation_; }

  void put_begun(const catalog::Begun& begun);
  void put_pack(const FinishedPack& pack);
  void put_part(const BackupId& id, std::uint32_t number, ByteView part);
  void put_names(const BackupId& id, const catalog::RememberedNames& names);
  void put_manifest(
      const catalog::Manifest& manifest);  // copy first, then manifest: the backup exists after the second

  std::vector<BackupId> list() const;  // with or without a manifest
  std::optional<catalog::Manifest> find_manifest(
      const BackupId& id) const;  // falls back to the copy; nullopt: none
  std::optional<catalog::BackupHeader> find_header(const BackupId& id) const;
  std::optional<catalog::Begun> find_begun(const BackupId& id) const;
  Bytes get_part(const catalog::Manifest& manifest, const catalog::PartInfo& part) const;  // hash checked
  std::optional<catalog::RememberedNames> find_names(const BackupId& id) const;
  // Frames of a broken-off backup, by hash, from its packs' tables of contents (reused only where the extent
  // read again has the same hash).
  std::map<Hash128, catalog::FrameLocation> frames_of_unfinished(const BackupId& id) const;
  // Numbers of the packs that are stored, and what a pack says that it holds.
  std::vector<std::uint32_t> list_packs(const BackupId& id) const;
  PackContents read_pack_contents(const BackupId& id, std::uint32_t number) const;

 private:
  std::shared_ptr<Repository> repository_;
  catalog::Incarnation incarnation_;
};

// Reads extents of one manifest; keeps packs open. One per thread.
class ExtentReader {
 public:
  ExtentReader(std::shared_ptr<Repository> repository, catalog::Incarnation incarnation,
               std::vector<BackupId> owners);
  ~ExtentReader();
  // Plain bytes of the extent, its patches applied, its hash checked; valid until the next call. Errors name
  // pack and frame.
  ByteView read(const catalog::Extent& extent);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::repository
