#pragma once
// What differs between major versions in the WAL, keyed by the page magic: postgres-notes 1.2, 1.3, 5.1.

#include <cstdint>
#include <span>

namespace tidemark::wal {

struct VersionTraits {
  std::uint16_t page_magic;            // xlp_magic
  int major;                           // 13..18
  std::uint8_t image_compressed_mask;  // bits of bimg_info that mean "compressed"
  std::uint8_t image_apply_bit;
  bool custom_resource_managers;        // 15+
  std::uint8_t database_create_ops[2];  // xl_info of DBASE creations (0xFF = none)
  std::uint8_t database_drop_op;
  std::uint32_t prepare_gid_offset;  // offset of the GID length in xl_xact_prepare
  bool checkpoint_redo_record;       // 17+
};

std::span<const VersionTraits> all_versions();
const VersionTraits* version_of_magic(std::uint16_t page_magic);  // nullptr: unknown
const VersionTraits* version_of_major(int major);

}  // namespace tidemark::wal
