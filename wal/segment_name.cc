#include "wal/segment_name.h"

#include <fmt/format.h>

#include <bit>

#include "tidemark/error.h"

namespace tidemark::wal {
namespace {

constexpr std::size_t kSegmentNameChars = 24;

// Exactly eight upper-case hexadecimal digits, as PostgreSQL writes them.
std::optional<std::uint32_t> parse_word(std::string_view text) {
  if (text.size() != 8) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

std::optional<TimelineId> parse_timeline(std::string_view text) {
  const auto word = parse_word(text);
  if (!word || *word == 0) return std::nullopt;
  return TimelineId(*word);
}

}  // namespace

std::optional<SegmentSize> SegmentSize::from_bytes(std::uint64_t bytes) {
  if (!std::has_single_bit(bytes) || bytes < (1U << 20) || bytes > (1U << 30)) return std::nullopt;
  SegmentSize size;
  size.bytes_ = static_cast<std::uint32_t>(bytes);
  return size;
}

SegmentNo segment_of_start(Lsn start, SegmentSize size) { return SegmentNo(start.value() / size.bytes()); }

SegmentNo segment_of_end(Lsn end, SegmentSize size) {
  TIDEMARK_CHECK(end.valid());
  return SegmentNo((end.value() - 1) / size.bytes());
}

std::string segment_file_name(TimelineId timeline, SegmentNo segment, SegmentSize size) {
  return fmt::format("{:08X}{:08X}{:08X}", timeline.value(), segment.log(size),
                     segment.value() % size.per_log());
}

std::optional<SegmentFile> parse_segment_file_name(std::string_view name, SegmentSize size) {
  if (name.size() != kSegmentNameChars) return std::nullopt;
  const auto timeline = parse_timeline(name.substr(0, 8));
  const auto log = parse_word(name.substr(8, 8));
  const auto segment = parse_word(name.substr(16, 8));
  if (!timeline || !log || !segment || *segment >= size.per_log()) return std::nullopt;
  return SegmentFile{*timeline, SegmentNo(std::uint64_t{*log} * size.per_log() + *segment)};
}

std::string history_file_name(TimelineId timeline) { return fmt::format("{:08X}.history", timeline.value()); }

std::optional<ArchivableName> parse_archivable_name(std::string_view name, SegmentSize size) {
  constexpr std::string_view kHistory = ".history";
  constexpr std::string_view kPartial = ".partial";
  constexpr std::string_view kBackup = ".backup";
  if (name.size() == 8 + kHistory.size() && name.ends_with(kHistory)) {
    const auto timeline = parse_timeline(name.substr(0, 8));
    if (!timeline) return std::nullopt;
    return ArchivableName{ArchivableKind::history, *timeline, SegmentNo(), 0};
  }
  const auto file = parse_segment_file_name(name.substr(0, kSegmentNameChars), size);
  if (!file) return std::nullopt;
  const std::string_view rest = name.substr(kSegmentNameChars);
  ArchivableName found{ArchivableKind::segment, file->timeline, file->segment, 0};
  if (rest.empty()) return found;
  if (rest == kPartial) {
    found.kind = ArchivableKind::partial;
    return found;
  }
  if (rest.size() != 9 + kBackup.size() || rest[0] != '.' || !rest.ends_with(kBackup)) return std::nullopt;
  const auto offset = parse_word(rest.substr(1, 8));
  if (!offset || *offset >= size.bytes()) return std::nullopt;
  found.kind = ArchivableKind::backup_history;
  found.backup_offset = *offset;
  return found;
}

}  // namespace tidemark::wal
