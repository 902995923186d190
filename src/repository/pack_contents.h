#pragma once
// A pack's table of contents, its footer: docs/repository-format.md "Packs".

#include <cstdint>
#include <vector>

#include "codec/object.h"
#include "tidemark/checksum.h"
#include "tidemark/identity.h"

namespace tidemark::repository {

struct PackFrame {
  std::uint32_t stored_bytes = 0;
  std::uint32_t plain_bytes = 0;
  Hash128 hash;
  bool operator==(const PackFrame&) const = default;
};

// Frames in order, the first directly behind the header: number and offset follow from their order and sizes.
struct PackContents {
  BackupId backup;
  std::uint32_t pack = 0;
  std::vector<PackFrame> frames;
  bool operator==(const PackContents&) const = default;
  Bytes serialize() const;
  static PackContents parse(ByteView bytes);  // Error corrupt
};

// So that the table fits the last frame.
inline constexpr std::size_t kFramesPerPackLimit = 16'384;

}  // namespace tidemark::repository
