#include "backup/backup_target.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/mark.h"
#include "catalog/object_names.h"
#include "repository/catalog_reader.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::backup {

namespace {

// The frames' hashes are held in memory, some 100 bytes each; a pack holds some 200 of them.
constexpr std::size_t kReusablePacks = 2000;
constexpr std::size_t kTombstonesRead = 1000;

}  // namespace

BackupTarget::BackupTarget(std::shared_ptr<repository::Repository> repository,
                           const catalog::Incarnation& incarnation)
    : store_(std::move(repository), incarnation) {}

bool BackupTarget::is_tombstoned(const BackupId& id, const repository::WalArchive& archive) const {
  // Read as text on purpose: whatever a tombstone says beside it, one that names the backup is reason enough.
  for (const Bytes& mark : repository::read_marks(archive, catalog::kMarkTombstone, kTombstonesRead)) {
    if (as_text(mark).find(id.to_string()) != std::string_view::npos) return true;
  }
  return false;
}

bool BackupTarget::small_enough_to_load(const BackupId& id) const {
  const std::string first = catalog::pack_name(store_.incarnation(), id, 1);
  std::size_t packs = 0;
  store_.repository().store().list(first.substr(0, first.rfind('/') + 1), "",
                                   [&](const ObjectInfo&) { return ++packs <= kReusablePacks; });
  return packs > 0 && packs <= kReusablePacks;
}

void BackupTarget::find_broken_off(Instant oldest, const repository::WalArchive& archive) {
  try {
    if (!load_broken_off(oldest, archive)) return;
    log_info("backup", fmt::format("{}: equal extents of the broken-off backup {} are taken over", name(),
                                   broken_off_->to_string()));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::mismatch) throw;
    reusable_.clear();
    broken_off_.reset();
    log_warning("backup",
                fmt::format("{}: nothing is taken over from broken-off backups: {}", name(), error.what()));
  }
}

bool BackupTarget::load_broken_off(Instant oldest, const repository::WalArchive& archive) {
  const std::vector<BackupId> all = store_.list();
  for (auto id = all.rbegin(); id != all.rend(); ++id) {
    const auto begun = store_.find_begun(*id);
    if (!begun || begun->started < oldest) return false;
    if (store_.find_header(*id))
      return false;  // a whole backup after it: its frames are too old to be worth a look
    if (!small_enough_to_load(*id) || is_tombstoned(*id, archive)) continue;
    reusable_ = store_.frames_of_unfinished(*id);
    if (reusable_.empty()) continue;
    for (auto& [hash, location] : reusable_) location.owner = 1;
    broken_off_ = *id;
    return true;
  }
  return false;
}

void BackupTarget::begin(catalog::Begun begun) {
  id_ = begun.id;
  if (broken_off_)
    begun.parent = broken_off_;  // keeps `expire` away from its packs until the manifest lists it
  store_.put_begun(begun);
}

std::unique_ptr<repository::PackWriter> BackupTarget::new_pack_writer(std::uint64_t target_bytes) {
  return std::make_unique<repository::PackWriter>(store_.repository(), store_.incarnation(), id_,
                                                  target_bytes, [this] { return ++last_pack_; });
}

std::optional<catalog::FrameLocation> BackupTarget::find_reusable(const Hash128& hash) const {
  const auto found = reusable_.find(hash);
  if (found == reusable_.end()) return std::nullopt;
  return found->second;
}

void BackupTarget::store_queued() {
  while (auto item = queue_.pop()) {
    if (const auto* pack = std::get_if<repository::FinishedPack>(&*item)) {
      store_.put_pack(*pack);
      packs_.push_back({0, pack->number, pack->bytes.size(), pack->live_bytes});
    } else {
      const auto& part = std::get<FinishedPart>(*item);
      store_.put_part(id_, part.number, part.bytes);
    }
  }
}

void BackupTarget::count_extent(const catalog::Extent& extent) {
  if (extent.zero) return;
  stored_bytes_ += extent.base.stored_bytes;
  if (extent.base.owner == 0) return;
  reused_bytes_ += extent.base.stored_bytes;
  reused_packs_[extent.base.pack] += extent.base.stored_bytes;
}

std::vector<catalog::PackInfo> BackupTarget::all_packs() const {
  std::vector<catalog::PackInfo> packs = packs_;
  std::sort(packs.begin(), packs.end(),
            [](const auto& one, const auto& other) { return one.number < other.number; });
  for (const auto& [number, live_bytes] : reused_packs_) {
    const std::string name = catalog::pack_name(store_.incarnation(), *broken_off_, number);
    const auto info = store_.repository().store().info(name);
    if (!info) {
      throw Error(
          ErrorKind::unavailable,
          fmt::format("the pack {} of a broken-off backup, whose extents were taken over, is gone", name))
          .hint("take the backup again: it will copy everything afresh");
    }
    packs.push_back({1, number, info->size_bytes, live_bytes});
  }
  return packs;
}

catalog::BackupHeader BackupTarget::finish(catalog::Manifest manifest,
                                           const repository::WalArchive& archive) {
  manifest.owners = {id_};
  if (!reused_packs_.empty()) {
    if (is_tombstoned(*broken_off_, archive)) {
      throw Error(ErrorKind::unavailable,
                  fmt::format("the broken-off backup {}, whose extents were taken over, is being "
                              "expired",
                              broken_off_->to_string()))
          .hint("take the backup again: it will copy everything afresh");
    }
    manifest.owners.push_back(*broken_off_);
  }
  manifest.packs = all_packs();
  manifest.parts = parts_;
  manifest.header.stored_bytes = stored_bytes_;
  manifest.header.new_bytes = 0;
  for (const catalog::PackInfo& pack : packs_) manifest.header.new_bytes += pack.stored_bytes;
  store_.put_manifest(manifest);
  return manifest.header;
}

}  // namespace tidemark::backup
