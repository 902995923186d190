#pragma once
// The header of a WAL page: postgres-notes 1.2; access/xlog_internal.h, XLogReaderValidatePageHeader.

#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/bytes.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/segment_name.h"
#include "wal/versions.h"

namespace tidemark::wal {

inline constexpr std::uint32_t kShortPageHeaderBytes = 24;
inline constexpr std::uint32_t kLongPageHeaderBytes = 40;  // first page of a segment
inline constexpr std::uint32_t kDefaultPageBytes = 8192;  // XLOG_BLCKSZ unless the server was built otherwise

// xlp_info
inline constexpr std::uint16_t kFirstIsContinuation = 0x0001;
inline constexpr std::uint16_t kLongHeader = 0x0002;
inline constexpr std::uint16_t kBackupRemovable = 0x0004;
inline constexpr std::uint16_t kFirstIsOverwriteContinuation = 0x0008;
inline constexpr std::uint16_t kAllPageFlags = 0x000F;

struct PageHeader {
  std::uint16_t magic = 0;
  std::uint16_t info = 0;
  TimelineId timeline;
  Lsn address;
  std::uint32_t remaining = 0;  // xlp_rem_len: bytes of the continued record still to come
  // Long headers only.
  SystemId system_id;
  std::uint32_t segment_bytes = 0;
  std::uint32_t page_bytes = 0;

  bool is_long() const { return (info & kLongHeader) != 0; }
  bool continues() const { return (info & kFirstIsContinuation) != 0; }
  bool overwrites() const { return (info & kFirstIsOverwriteContinuation) != 0; }
  std::uint32_t bytes() const { return is_long() ? kLongPageHeaderBytes : kShortPageHeaderBytes; }
};

// Reads 24 bytes, and 40 when the flags announce a long header and they are there. Throws Error corrupt below
// 24 bytes.
PageHeader parse_page_header(ByteView bytes);

struct PageExpectation {
  Lsn address;
  SegmentSize segment_size;
  std::optional<std::uint32_t> page_bytes;  // unset: any that PostgreSQL can be built with
  TimelineId lowest, highest;               // both allowed
  const VersionTraits* version = nullptr;   // nullptr: any known one
  std::optional<SystemId> system_id;        // unset: any
};

// What is wrong with the header at this place; nullopt when nothing is.
std::optional<std::string> page_fault(const PageHeader& header, const PageExpectation& expected);

}  // namespace tidemark::wal
