#include "repository/backup_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/frame_context.h"
#include "repository/pack_contents.h"
#include "repository/stored_object.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::repository {
namespace {

// Names of a backup are its own, so a taken one is a mistake somewhere, unless it holds the same (a put tried
// again).
void put_new(Repository& repository, codec::ObjectKind kind, const std::string& name, ByteView plain) {
  if (repository.put(kind, name, plain) == PutOutcome::stored) return;
  if (std::ranges::equal(repository.get(kind, name), plain)) return;
  throw Error(ErrorKind::mismatch,
              fmt::format("storing {}: an object with other content has that name", name))
      .code("name_taken")
      .hint("find out whether two programs take backups of this cluster under one id");
}

template <typename Parse>
auto parse_named(const std::string& name, Parse parse) {
  try {
    return parse();
  } catch (Error& error) {
    error.add_context(fmt::format("reading {}", name));
    throw;
  }
}

// Stored manifest or its copy. A copy alone is no backup: it is written first.
template <typename Parse>
auto find_either(const Repository& repository, const catalog::Incarnation& incarnation, const BackupId& id,
                 Parse parse) -> std::optional<decltype(parse(Bytes()))> {
  const std::string name = catalog::manifest_name(incarnation, id);
  const auto read = [&](const std::string& from) -> std::optional<decltype(parse(Bytes()))> {
    const auto content = repository.find(codec::ObjectKind::manifest, from);
    if (!content) return std::nullopt;
    return parse_named(from, [&] { return parse(*content); });
  };
  try {
    return read(name);
  } catch (const Error& damage) {
    if (damage.kind() != ErrorKind::corrupt && damage.kind() != ErrorKind::mismatch) throw;
    auto copy = read(catalog::manifest_copy_name(incarnation, id));
    if (!copy) throw;
    log_warning("repository", fmt::format("{}; its copy is used", damage.what()));
    return copy;
  }
}

}  // namespace

BackupStore::BackupStore(std::shared_ptr<Repository> repository, catalog::Incarnation incarnation)
    : repository_(std::move(repository)), incarnation_(std::move(incarnation)) {}

void BackupStore::put_begun(const catalog::Begun& begun) {
  put_new(*repository_, codec::ObjectKind::begun, catalog::begun_name(incarnation_, begun.id),
          begun.serialize());
}

void BackupStore::put_pack(const FinishedPack& pack) {
  if (repository_->store().put(pack.name, pack.bytes) == PutOutcome::stored) return;
  // Sealed with fresh random bytes, so equal bytes are this very pack.
  const auto found = repository_->store().get(pack.name);
  if (found && *found == pack.bytes) return;
  throw Error(ErrorKind::mismatch,
              fmt::format("storing {}: an object with other content has that name", pack.name))
      .code("name_taken")
      .hint("find out whether two programs take backups of this cluster under one id");
}

void BackupStore::put_part(const BackupId& id, std::uint32_t number, ByteView part) {
  put_new(*repository_, codec::ObjectKind::part, catalog::part_name(incarnation_, id, number), part);
}

void BackupStore::put_names(const BackupId& id, const catalog::RememberedNames& names) {
  put_new(*repository_, codec::ObjectKind::names, catalog::names_name(incarnation_, id), names.serialize());
}

void BackupStore::put_manifest(const catalog::Manifest& manifest) {
  const Bytes content = manifest.serialize();
  const BackupId& id = manifest.header.id;
  put_new(*repository_, codec::ObjectKind::manifest, catalog::manifest_copy_name(incarnation_, id), content);
  put_new(*repository_, codec::ObjectKind::manifest, catalog::manifest_name(incarnation_, id), content);
}

std::vector<BackupId> BackupStore::list() const {
  std::vector<BackupId> ids;
  repository_->store().list_level(catalog::backups_folder(incarnation_), [&](std::string_view level) {
    if (!level.ends_with('/')) return true;
    if (const auto id = BackupId::parse(level.substr(0, level.size() - 1))) ids.push_back(*id);
    return true;
  });
  return ids;
}

std::optional<catalog::Manifest> BackupStore::find_manifest(const BackupId& id) const {
  return find_either(*repository_, incarnation_, id,
                     [](const Bytes& content) { return catalog::Manifest::parse(content); });
}

std::optional<catalog::BackupHeader> BackupStore::find_header(const BackupId& id) const {
  return find_either(*repository_, incarnation_, id,
                     [](const Bytes& content) { return catalog::Manifest::parse_header(content); });
}

std::optional<catalog::Begun> BackupStore::find_begun(const BackupId& id) const {
  const std::string name = catalog::begun_name(incarnation_, id);
  const auto content = repository_->find(codec::ObjectKind::begun, name);
  if (!content) return std::nullopt;
  return parse_named(name, [&] { return catalog::Begun::parse(*content); });
}

Bytes BackupStore::get_part(const catalog::Manifest& manifest, const catalog::PartInfo& part) const {
  if (part.owner >= manifest.owners.size()) {
    throw Error(ErrorKind::corrupt,
                fmt::format("the manifest of backup {} names a part of an owner it does not list",
                            manifest.header.id.to_string()));
  }
  const std::string name = catalog::part_name(incarnation_, manifest.owners[part.owner], part.number);
  Bytes content = repository_->get(codec::ObjectKind::part, name);
  if (xxh3_128(content, repository_->hash_seed()) != part.hash) {
    throw Error(ErrorKind::corrupt, fmt::format("part {} is not the one that backup {} was made with", name,
                                                manifest.header.id.to_string()))
        .code("damaged_object")
        .hint("run tidemark verify, and restore this object from another copy of the repository");
  }
  return content;
}

std::optional<catalog::RememberedNames> BackupStore::find_names(const BackupId& id) const {
  const std::string name = catalog::names_name(incarnation_, id);
  const auto content = repository_->find(codec::ObjectKind::names, name);
  if (!content) return std::nullopt;
  return parse_named(name, [&] { return catalog::RememberedNames::parse(*content); });
}

std::map<Hash128, catalog::FrameLocation> BackupStore::frames_of_unfinished(const BackupId& id) const {
  std::map<Hash128, catalog::FrameLocation> found;
  // A pack that cannot be read is only not reused.
  for (const std::uint32_t number : list_packs(id)) {
    try {
      const PackContents contents = read_pack_contents(id, number);
      std::uint64_t offset = codec::kHeaderBytes;
      for (std::uint32_t frame = 0; frame < contents.frames.size(); ++frame) {
        const PackFrame& entry = contents.frames[frame];
        found.try_emplace(entry.hash, catalog::FrameLocation{0, number, frame, offset, entry.stored_bytes});
        offset += entry.stored_bytes;
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::mismatch) throw;
      log_warning("repository", fmt::format("{}; its frames are not used again", error.what()));
    }
  }
  return found;
}

std::vector<std::uint32_t> BackupStore::list_packs(const BackupId& id) const {
  std::vector<std::uint32_t> numbers;
  const std::string folder = catalog::backup_folder(incarnation_, id) + "packs/";
  repository_->store().list(folder, "", [&](const ObjectInfo& object) {
    const auto parsed = catalog::parse_backup_object_name(incarnation_, object.name);
    if (parsed && parsed->kind == catalog::BackupObjectKind::pack) numbers.push_back(parsed->number);
    return true;
  });
  return numbers;
}

PackContents BackupStore::read_pack_contents(const BackupId& id, std::uint32_t number) const {
  const std::string name = catalog::pack_name(incarnation_, id, number);
  auto object = StoredObject::open(*repository_, codec::ObjectKind::pack, name, frame_context());
  if (!object)
    throw Error(ErrorKind::not_found, fmt::format("pack {} does not exist", name)).code("object_missing");
  PackContents contents = parse_named(name, [&] { return PackContents::parse(object->footer()); });
  const auto trailer = object->trailer();
  std::uint64_t end = codec::kHeaderBytes;
  for (const PackFrame& frame : contents.frames) end += frame.stored_bytes;
  if (contents.backup != id || contents.pack != number || trailer.frame_count != contents.frames.size() + 1 ||
      trailer.last_frame_offset != end) {
    throw object->damaged("its table of contents does not describe it");
  }
  return contents;
}

}  // namespace tidemark::repository
