#include "repository/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "repository/frame_context.h"
#include "repository/layout.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

constexpr std::uint64_t kSmallObjectLimit = 64 * 1024;  // tidemark.json, keys/<n>

struct StoredKey {
  std::uint32_t number = 0;
  Bytes content;
};

std::optional<StoredKey> newest_key(const ObjectStore& store) {
  std::uint32_t newest = 0;
  store.list(catalog::kKeysFolder, "", [&](const ObjectInfo& object) {
    const std::string_view digits = std::string_view(object.name).substr(catalog::kKeysFolder.size());
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc() && end == digits.data() + digits.size()) newest = std::max(newest, number);
    return true;
  });
  if (newest == 0) return std::nullopt;
  auto content = store.get(catalog::key_name(newest), kSmallObjectLimit);
  if (!content) return std::nullopt;
  return StoredKey{newest, std::move(*content)};
}

std::optional<Layout> find_layout(const ObjectStore& store) {
  const auto content = store.get(catalog::kRepositoryFile, kSmallObjectLimit);
  return content ? std::optional(parse_layout(*content)) : std::nullopt;
}

codec::Secrets open_secrets(const ObjectStore& store, const Layout& layout,
                            const RepositoryOptions& options) {
  if (layout.encrypted != options.key_file.has_value()) {
    throw Error(ErrorKind::mismatch,
                fmt::format("repository {} at {} {}", options.name, store.describe(),
                            layout.encrypted ? "is encrypted, and no key file is configured"
                                             : "is not encrypted, and a key file is configured"))
        .code(layout.encrypted ? "key_missing" : "not_encrypted")
        .hint(layout.encrypted
                  ? "set encryption: { key_file: ... } of this repository"
                  : "remove encryption from this repository's configuration, or use another repository");
  }
  if (!layout.encrypted) return codec::Secrets::unencrypted(layout.repository);
  const auto key = newest_key(store);
  if (!key) {
    throw Error(ErrorKind::corrupt, fmt::format("repository {} at {} is encrypted, but holds no key",
                                                options.name, store.describe()))
        .hint("restore the folder keys/ from another copy of the repository");
  }
  return codec::Secrets::with_key(layout.repository,
                                  codec::unwrap_key(key->content, *options.key_file, layout.repository));
}

// The id that the repository is to have. With encryption the key is stored before tidemark.json, so that a
// repository never exists without its key; a key left by an init that was broken off, or that another init
// stores at the same moment, is taken with the id that stands in it.
Layout prepare(ObjectStore& store, const RepositoryOptions& options) {
  Layout layout{codec::random_repository_id(), options.key_file.has_value()};
  if (!layout.encrypted) return layout;
  if (newest_key(store)) return {codec::repository_of_key(newest_key(store)->content), true};
  store.put(catalog::key_name(1),
            codec::wrap_key(codec::random_key(), *options.key_file, layout.repository, 1));
  const auto key = newest_key(store);
  if (!key)
    throw Error(ErrorKind::unavailable,
                fmt::format("{} does not show the key just stored", store.describe()));
  return {codec::repository_of_key(key->content), true};
}

}  // namespace

Repository::Repository(std::shared_ptr<ObjectStore> store, RepositoryOptions options, codec::Secrets secrets)
    : store_(std::move(store)), options_(std::move(options)), secrets_(std::move(secrets)) {}

std::shared_ptr<Repository> Repository::create(std::shared_ptr<ObjectStore> store,
                                               const RepositoryOptions& options) {
  if (!find_layout(*store)) {
    const Layout layout = prepare(*store, options);
    if (layout.encrypted)
      open_secrets(*store, layout, options);  // the key file must open it before it exists
    store->put(catalog::kRepositoryFile, render_layout(layout));
  }
  return open(std::move(store), options);
}

std::shared_ptr<Repository> Repository::open(std::shared_ptr<ObjectStore> store,
                                             const RepositoryOptions& options) {
  const auto layout = find_layout(*store);
  if (!layout) {
    throw Error(ErrorKind::not_found, fmt::format("there is no repository at {}", store->describe()))
        .code("no_repository")
        .hint("create it with: tidemark init");
  }
  codec::Secrets secrets = open_secrets(*store, *layout, options);
  return std::shared_ptr<Repository>(new Repository(std::move(store), options, std::move(secrets)));
}

PutOutcome Repository::put(codec::ObjectKind kind, const std::string& name, ByteView plain) {
  return store_->put(
      name, codec::encode_object(secrets_, kind, name, plain, options_.compression_level, frame_context()));
}

std::optional<Bytes> Repository::find(codec::ObjectKind kind, const std::string& name) const {
  const auto stored = store_->get(name);
  if (!stored) return std::nullopt;
  return codec::decode_object(secrets_, kind, name, *stored, frame_context());
}

Bytes Repository::get(codec::ObjectKind kind, const std::string& name) const {
  auto plain = find(kind, name);
  if (!plain) {
    throw Error(ErrorKind::not_found,
                fmt::format("{} {} is not in repository {} at {}", codec::to_string(kind), name,
                            options_.name, store_->describe()))
        .code("object_missing")
        .hint("run tidemark verify to see what else is missing");
  }
  return std::move(*plain);
}

std::vector<catalog::Incarnation> Repository::incarnations(const std::string& cluster) const {
  std::vector<std::string> clusters;
  if (cluster.empty()) {
    store_->list_level(catalog::kClustersFolder, [&](std::string_view level) {
      if (level.ends_with('/')) clusters.emplace_back(level.substr(0, level.size() - 1));
      return true;
    });
  } else {
    clusters.push_back(cluster);
  }
  std::vector<catalog::Incarnation> found;
  for (const std::string& name : clusters) {
    const std::string folder = fmt::format("{}{}/", catalog::kClustersFolder, name);
    std::vector<std::pair<Instant, catalog::Incarnation>> appeared;
    store_->list_level(folder, [&](std::string_view level) {
      const auto incarnation = catalog::parse_incarnation_folder(folder + std::string(level));
      if (incarnation) appeared.emplace_back(first_recorded(*this, *incarnation), *incarnation);
      return true;
    });
    std::ranges::stable_sort(appeared);
    for (const auto& [when, incarnation] : appeared) found.push_back(incarnation);
  }
  return found;
}

}  // namespace tidemark::repository
