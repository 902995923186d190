#include "wal/versions.h"

#include <array>

namespace tidemark::wal {
namespace {

constexpr std::uint8_t kNone = 0xFF;

// image bits, custom resource managers, DBASE creations and drop, GID offset, CHECKPOINT_REDO
constexpr std::array<VersionTraits, 6> kVersions = {{
    {0xD106, 13, 0x02, 0x04, false, {0x00, kNone}, 0x10, 46, false},
    {0xD10D, 14, 0x02, 0x04, false, {0x00, kNone}, 0x10, 46, false},
    {0xD110, 15, 0x1C, 0x02, true, {0x00, 0x10}, 0x20, 54, false},
    {0xD113, 16, 0x1C, 0x02, true, {0x00, 0x10}, 0x20, 54, false},
    {0xD116, 17, 0x1C, 0x02, true, {0x00, 0x10}, 0x20, 54, true},
    {0xD118, 18, 0x1C, 0x02, true, {0x00, 0x10}, 0x20, 54, true},
}};

}  // namespace

std::span<const VersionTraits> all_versions() { return kVersions; }

const VersionTraits* version_of_magic(std::uint16_t page_magic) {
  for (const VersionTraits& version : kVersions) {
    if (version.page_magic == page_magic) return &version;
  }
  return nullptr;
}

const VersionTraits* version_of_major(int major) {
  for (const VersionTraits& version : kVersions) {
    if (version.major == major) return &version;
  }
  return nullptr;
}

}  // namespace tidemark::wal
