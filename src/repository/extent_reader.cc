#include <fmt/format.h>

#include <algorithm>
#include <list>

#include "repository/backup_store.h"
#include "repository/stored_object.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

// Extents in path order lie in few packs at a time: those of the workers that wrote them.
constexpr std::size_t kOpenPacks = 8;

}  // namespace

struct ExtentReader::State {
  struct OpenPack {
    std::uint32_t owner, number;
    StoredObject object;
  };

  std::shared_ptr<Repository> repository;
  catalog::Incarnation incarnation;
  std::vector<BackupId> owners;
  codec::FrameContext context;
  std::list<OpenPack> packs;  // the one used last in front
  Bytes patched;

  StoredObject& pack_of(const catalog::FrameLocation& place) {
    const auto known = std::ranges::find_if(
        packs, [&](const OpenPack& pack) { return pack.owner == place.owner && pack.number == place.pack; });
    if (known != packs.end()) {
      packs.splice(packs.begin(), packs, known);
      return packs.front().object;
    }
    if (place.owner >= owners.size()) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("an extent lies in a pack of owner {}, and the manifest lists {}", place.owner,
                              owners.size()));
    }
    const std::string name = catalog::pack_name(incarnation, owners[place.owner], place.pack);
    auto object = StoredObject::open(*repository, codec::ObjectKind::pack, name, context);
    if (!object) {
      throw Error(ErrorKind::not_found, fmt::format("pack {} is missing", name))
          .code("object_missing")
          .hint("run tidemark verify to see what else is missing, and use another backup or repository");
    }
    if (packs.size() >= kOpenPacks) packs.pop_back();
    packs.push_front({place.owner, place.pack, std::move(*object)});
    return packs.front().object;
  }

  codec::ObjectReader::Frame frame(const catalog::FrameLocation& place) {
    return pack_of(place).frame({place.frame, place.offset, place.stored_bytes});
  }

  Error wrong(const catalog::FrameLocation& place, std::string_view why) {
    return Error(ErrorKind::corrupt,
                 fmt::format("frame {} of pack {}: {}", place.frame, pack_of(place).name(), why))
        .code("damaged_object")
        .hint("run tidemark verify, and use another backup or repository");
  }

  void apply(const catalog::PagePatch& patch) {
    const ByteView pages = frame(patch.frame).plain;
    const std::size_t count = patch.blocks.size();
    if (count == 0 || pages.size() % count != 0)
      throw wrong(patch.frame, "it does not hold the pages it should");
    const std::size_t page_bytes = pages.size() / count;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = patch.blocks[i] * page_bytes;
      if (at + page_bytes > patched.size()) throw wrong(patch.frame, "a page lies beyond the extent");
      std::ranges::copy(pages.subspan(i * page_bytes, page_bytes),
                        patched.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
};

ExtentReader::ExtentReader(std::shared_ptr<Repository> repository, catalog::Incarnation incarnation,
                           std::vector<BackupId> owners)
    : state_(new State{std::move(repository), std::move(incarnation), std::move(owners), {}, {}, {}}) {}
ExtentReader::~ExtentReader() = default;

ByteView ExtentReader::read(const catalog::Extent& extent) {
  State& state = *state_;
  if (extent.plain_bytes > catalog::kExtentBytes) {
    throw Error(ErrorKind::corrupt, fmt::format("an extent claims to have {} bytes", extent.plain_bytes));
  }
  if (extent.zero) {
    state.patched.assign(extent.plain_bytes, 0);
    return state.patched;
  }
  const auto base = state.frame(extent.base);
  if (extent.patches.empty()) {
    if (base.plain.size() != extent.plain_bytes || base.hash != extent.hash) {
      throw state.wrong(extent.base, "it does not hold the extent that the manifest names");
    }
    return base.plain;
  }
  // The file may have grown or shrunk since the base was stored; what is new comes from the patches.
  state.patched.assign(base.plain.begin(), base.plain.end());
  state.patched.resize(extent.plain_bytes);
  for (const catalog::PagePatch& patch : extent.patches) state.apply(patch);
  if (xxh3_128(state.patched, state.repository->hash_seed()) != extent.hash) {
    throw state.wrong(extent.base, "with its patches it is not the extent that the manifest names");
  }
  return state.patched;
}

}  // namespace tidemark::repository
