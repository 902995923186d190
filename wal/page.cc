#include "wal/page.h"

#include <fmt/format.h>

#include <bit>

#include "tidemark/error.h"

namespace tidemark::wal {

PageHeader parse_page_header(ByteView bytes) {
  if (bytes.size() < kShortPageHeaderBytes) {
    throw Error(ErrorKind::corrupt,
                fmt::format("a WAL page header needs 24 bytes, {} are there", bytes.size()));
  }
  PageHeader header;
  header.magic = load_le<std::uint16_t>(bytes.data());
  header.info = load_le<std::uint16_t>(bytes.data() + 2);
  header.timeline = TimelineId(load_le<std::uint32_t>(bytes.data() + 4));
  header.address = Lsn(load_le<std::uint64_t>(bytes.data() + 8));
  header.remaining = load_le<std::uint32_t>(bytes.data() + 16);
  if (header.is_long() && bytes.size() >= kLongPageHeaderBytes) {
    header.system_id = SystemId(load_le<std::uint64_t>(bytes.data() + 24));
    header.segment_bytes = load_le<std::uint32_t>(bytes.data() + 32);
    header.page_bytes = load_le<std::uint32_t>(bytes.data() + 36);
  }
  return header;
}

namespace {

std::optional<std::string> long_header_fault(const PageHeader& header, const PageExpectation& expected) {
  if (expected.system_id && header.system_id != *expected.system_id) {
    return fmt::format("the page is of the cluster with system identifier {}, not {}",
                       header.system_id.to_string(), expected.system_id->to_string());
  }
  if (header.segment_bytes != expected.segment_size.bytes()) {
    return fmt::format("the page says that segments have {} bytes, not {}", header.segment_bytes,
                       expected.segment_size.bytes());
  }
  if (expected.page_bytes && header.page_bytes != *expected.page_bytes) {
    return fmt::format("the page says that WAL pages have {} bytes, not {}", header.page_bytes,
                       *expected.page_bytes);
  }
  if (!std::has_single_bit(header.page_bytes) || header.page_bytes < 1024 || header.page_bytes > 65536) {
    return fmt::format("the page says that WAL pages have {} bytes", header.page_bytes);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> page_fault(const PageHeader& header, const PageExpectation& expected) {
  const VersionTraits* version = version_of_magic(header.magic);
  if (version == nullptr) return fmt::format("unknown WAL page magic {:04X}", header.magic);
  if (expected.version != nullptr && version != expected.version) {
    return fmt::format("the page was written by PostgreSQL {}, not {}", version->major,
                       expected.version->major);
  }
  const bool first_of_segment = expected.address.value() % expected.segment_size.bytes() == 0;
  if ((header.info & ~kAllPageFlags) != 0 || header.is_long() != first_of_segment) {
    return fmt::format("invalid page flags {:04X}", header.info);
  }
  if (header.address != expected.address) {
    return fmt::format("the page is for {}, left from an earlier use of the file",
                       header.address.to_string());
  }
  if (header.timeline < expected.lowest || header.timeline > expected.highest) {
    return fmt::format("the page is of timeline {}, between {} and {} were expected", header.timeline.value(),
                       expected.lowest.value(), expected.highest.value());
  }
  return header.is_long() ? long_header_fault(header, expected) : std::nullopt;
}

}  // namespace tidemark::wal
