#pragma once
// Names of WAL files: postgres-notes 1.1; access/xlog_internal.h. Which file follows depends on the segment
// size, so every conversion takes it.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::wal {

// A power of two from 1 MB to 1 GB.
class SegmentSize {
 public:
  constexpr SegmentSize() = default;  // 16 MB
  static std::optional<SegmentSize> from_bytes(std::uint64_t bytes);
  constexpr std::uint32_t bytes() const { return bytes_; }
  constexpr std::uint32_t per_log() const { return static_cast<std::uint32_t>(0x1'0000'0000ULL / bytes_); }
  constexpr auto operator<=>(const SegmentSize&) const = default;

 private:
  std::uint32_t bytes_ = 16U << 20;
};

// LSN / segment size.
class SegmentNo {
 public:
  constexpr SegmentNo() = default;
  constexpr explicit SegmentNo(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr auto operator<=>(const SegmentNo&) const = default;
  constexpr SegmentNo next() const { return SegmentNo(value_ + 1); }
  constexpr Lsn start(SegmentSize size) const { return Lsn(value_ * size.bytes()); }
  constexpr Lsn end(SegmentSize size) const { return Lsn((value_ + 1) * size.bytes()); }
  constexpr std::uint32_t log(SegmentSize size) const {
    return static_cast<std::uint32_t>(value_ / size.per_log());
  }

 private:
  std::uint64_t value_ = 0;
};

SegmentNo segment_of_start(Lsn start, SegmentSize size);  // the segment that holds the byte at `start`
SegmentNo segment_of_end(Lsn end, SegmentSize size);  // ... the byte before the exclusive end `end` (end > 0)

// "000000010000000A000000FE"
std::string segment_file_name(TimelineId timeline, SegmentNo segment, SegmentSize size);

struct SegmentFile {
  TimelineId timeline;
  SegmentNo segment;
  auto operator<=>(const SegmentFile&) const = default;
};
std::optional<SegmentFile> parse_segment_file_name(std::string_view name, SegmentSize size);

std::string history_file_name(TimelineId timeline);  // "00000002.history"

// The four shapes that PostgreSQL archives; everything else is refused.
enum class ArchivableKind { segment, partial, history, backup_history };
struct ArchivableName {
  ArchivableKind kind;
  TimelineId timeline;
  SegmentNo segment;                // not for history
  std::uint32_t backup_offset = 0;  // backup_history only
};
std::optional<ArchivableName> parse_archivable_name(std::string_view name, SegmentSize size);

}  // namespace tidemark::wal
