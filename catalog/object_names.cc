#include "catalog/object_names.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

constexpr std::string_view kUpperHex = "0123456789ABCDEF";
constexpr std::string_view kLowerHex = "0123456789abcdef";
constexpr std::string_view kDigits = "0123456789";
constexpr std::size_t kSegmentNameChars = 24;
constexpr std::string_view kOpen = ".open.";

// Exactly `width` of the allowed digits.
std::optional<std::uint64_t> parse_digits(std::string_view text, std::size_t width,
                                          std::string_view allowed) {
  if (text.size() != width || text.find_first_not_of(allowed) != text.npos) return std::nullopt;
  std::uint64_t value = 0;
  const int base = allowed.size() == 10 ? 10 : 16;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A decimal number without leading zeros.
std::optional<std::uint64_t> parse_plain(std::string_view text) {
  if (text.empty() || text.size() > 20 || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  return parse_digits(text, text.size(), kDigits);
}

std::optional<Lsn> parse_lsn(std::string_view text) {
  const auto value = parse_digits(text, 16, kUpperHex);
  return value ? std::optional(Lsn(*value)) : std::nullopt;
}

std::optional<TimelineId> parse_timeline(std::string_view text) {
  const auto value = parse_digits(text, 8, kUpperHex);
  if (!value || *value == 0) return std::nullopt;
  return TimelineId(static_cast<std::uint32_t>(*value));
}

// Cuts `text` at its first '/', which is dropped; nullopt when there is none.
std::optional<std::string_view> take_part(std::string_view& text) {
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const std::string_view part = text.substr(0, slash);
  text.remove_prefix(slash + 1);
  return part;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string below(const Incarnation& incarnation, std::string_view rest) {
  return fmt::format("{}{}", incarnation.folder(), rest);
}

std::string in_log(const Incarnation& incarnation, TimelineId timeline, wal::SegmentNo segment,
                   wal::SegmentSize size) {
  return log_folder(incarnation, timeline, segment.log(size)) +
         wal::segment_file_name(timeline, segment, size);
}

// ".<start>-<end>" or ".open.<start>" behind a segment's name.
std::optional<WalObjectName> parse_range(WalObjectName name, std::string_view rest, wal::SegmentSize size) {
  const Lsn begin = name.segment.start(size), limit = name.segment.end(size);
  if (take_prefix(rest, kOpen)) {
    const auto start = parse_lsn(rest);
    if (!start || *start < begin || *start >= limit) return std::nullopt;
    name.kind = wal::RangeKind::open;
    name.start = *start;
    name.end = Lsn();
    return name;
  }
  if (rest.size() != 34 || rest[0] != '.' || rest[17] != '-') return std::nullopt;
  const auto start = parse_lsn(rest.substr(1, 16)), end = parse_lsn(rest.substr(18));
  if (!start || !end || *start < begin || *start >= *end || *end > limit) return std::nullopt;
  name.kind = wal::RangeKind::piece;
  name.start = *start;
  name.end = *end;
  return name;
}

std::optional<BackupObjectName> with_number(BackupObjectName name, BackupObjectKind kind,
                                            std::string_view digits) {
  const auto number = parse_digits(digits, 8, kDigits);
  if (!number) return std::nullopt;
  name.kind = kind;
  name.number = static_cast<std::uint32_t>(*number);
  return name;
}

}  // namespace

bool cluster_name_valid(std::string_view name) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view kLater = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  return !name.empty() && name.size() <= 63 && kFirst.find(name[0]) != kFirst.npos &&
         name.find_first_not_of(kLater) == name.npos;
}

std::string key_name(std::uint32_t number) { return fmt::format("{}{}", kKeysFolder, number); }

std::string Incarnation::folder() const {
  return fmt::format("{}{}/{}-{}/", kClustersFolder, cluster, major, system_id.value());
}

std::optional<Incarnation> parse_incarnation_folder(std::string_view folder) {
  if (!take_prefix(folder, kClustersFolder)) return std::nullopt;
  const auto cluster = take_part(folder);
  const auto version = take_part(folder);
  if (!cluster || !version || !folder.empty() || !cluster_name_valid(*cluster)) return std::nullopt;
  const auto dash = version->find('-');
  if (dash == version->npos) return std::nullopt;
  const auto major = parse_plain(version->substr(0, dash));
  const auto system_id = parse_plain(version->substr(dash + 1));
  if (!major || *major == 0 || *major > 999 || !system_id) return std::nullopt;
  return Incarnation{std::string(*cluster), static_cast<int>(*major), SystemId(*system_id)};
}

std::string identity_name(const Incarnation& incarnation, std::uint32_t number) {
  return below(incarnation, fmt::format("identity/{}", number));
}

std::string wal_folder(const Incarnation& incarnation) { return below(incarnation, "wal/"); }

std::string timeline_folder(const Incarnation& incarnation, TimelineId timeline) {
  return below(incarnation, fmt::format("wal/{:08X}/", timeline.value()));
}

std::string log_folder(const Incarnation& incarnation, TimelineId timeline, std::uint32_t log) {
  return below(incarnation, fmt::format("wal/{:08X}/{:08X}/", timeline.value(), log));
}

std::string segment_name(const Incarnation& incarnation, TimelineId timeline, wal::SegmentNo segment,
                         wal::SegmentSize size) {
  return in_log(incarnation, timeline, segment, size);
}

std::string piece_name(const Incarnation& incarnation, TimelineId timeline, Lsn start, Lsn end,
                       wal::SegmentSize size) {
  const auto segment = wal::segment_of_start(start, size);
  TIDEMARK_CHECK(start < end && end <= segment.end(size));
  return fmt::format("{}.{:016X}-{:016X}", in_log(incarnation, timeline, segment, size), start.value(),
                     end.value());
}

std::string open_segment_name(const Incarnation& incarnation, TimelineId timeline, Lsn start,
                              wal::SegmentSize size) {
  const auto segment = wal::segment_of_start(start, size);
  return fmt::format("{}{}{:016X}", in_log(incarnation, timeline, segment, size), kOpen, start.value());
}

std::string log_index_name(const Incarnation& incarnation, TimelineId timeline, std::uint32_t log,
                           std::uint32_t version) {
  return fmt::format("{}index.{}", log_folder(incarnation, timeline, log), version);
}

std::string history_name(const Incarnation& incarnation, TimelineId timeline) {
  return timeline_folder(incarnation, timeline) + "history";
}

std::string claim_name(const Incarnation& incarnation, TimelineId timeline) {
  return timeline_folder(incarnation, timeline) + "claim";
}

std::optional<WalObjectName> parse_wal_object_name(const Incarnation& incarnation, std::string_view name,
                                                   wal::SegmentSize size) {
  if (!take_prefix(name, wal_folder(incarnation))) return std::nullopt;
  const auto timeline_part = take_part(name);
  const auto log_part = take_part(name);
  if (!timeline_part || !log_part) return std::nullopt;
  const auto timeline = parse_timeline(*timeline_part);
  const auto log = parse_digits(*log_part, 8, kUpperHex);
  const auto file = wal::parse_segment_file_name(name.substr(0, kSegmentNameChars), size);
  if (!timeline || !log || !file || file->timeline != *timeline || file->segment.log(size) != *log) {
    return std::nullopt;
  }
  const WalObjectName found{wal::RangeKind::segment, *timeline, file->segment, file->segment.start(size),
                            file->segment.end(size)};
  name.remove_prefix(kSegmentNameChars);
  return name.empty() ? std::optional(found) : parse_range(found, name, size);
}

std::optional<TimelineId> parse_timeline_folder(const Incarnation& incarnation, std::string_view folder) {
  if (!take_prefix(folder, wal_folder(incarnation)) || !folder.ends_with('/')) return std::nullopt;
  return parse_timeline(folder.substr(0, folder.size() - 1));
}

std::string checkpoints_folder(const Incarnation& incarnation) { return below(incarnation, "checkpoints/"); }

std::string checkpoint_name(const Incarnation& incarnation, Instant time, std::uint32_t random) {
  constexpr auto kLast = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::uint64_t inverse = kLast - static_cast<std::uint64_t>(time.postgres_microseconds());
  return fmt::format("{}{:016x}-{:08x}", checkpoints_folder(incarnation), inverse, random);
}

std::optional<Instant> parse_checkpoint_name(std::string_view last_part) {
  if (last_part.size() != 25 || last_part[16] != '-' || !parse_digits(last_part.substr(17), 8, kLowerHex)) {
    return std::nullopt;
  }
  const auto inverse = parse_digits(last_part.substr(0, 16), 16, kLowerHex);
  if (!inverse) return std::nullopt;
  constexpr auto kLast = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return Instant::from_postgres(static_cast<std::int64_t>(kLast - *inverse));
}

std::string backups_folder(const Incarnation& incarnation) { return below(incarnation, "backups/"); }

std::string backup_folder(const Incarnation& incarnation, const BackupId& id) {
  return fmt::format("{}{}/", backups_folder(incarnation), id.to_string());
}

std::optional<BackupObjectName> parse_backup_object_name(const Incarnation& incarnation,
                                                         std::string_view name) {
  if (!take_prefix(name, backups_folder(incarnation))) return std::nullopt;
  const auto id_part = take_part(name);
  const auto id = id_part ? BackupId::parse(*id_part) : std::nullopt;
  if (!id) return std::nullopt;
  if (take_prefix(name, "packs/")) return with_number({*id, {}, 0}, BackupObjectKind::pack, name);
  if (take_prefix(name, "parts/")) return with_number({*id, {}, 0}, BackupObjectKind::part, name);
  if (name == "begun") return BackupObjectName{*id, BackupObjectKind::begun, 0};
  if (name == "names") return BackupObjectName{*id, BackupObjectKind::names, 0};
  if (name == "manifest") return BackupObjectName{*id, BackupObjectKind::manifest, 0};
  if (name == "manifest.copy") return BackupObjectName{*id, BackupObjectKind::manifest_copy, 0};
  return std::nullopt;
}

std::string begun_name(const Incarnation& incarnation, const BackupId& id) {
  return backup_folder(incarnation, id) + "begun";
}

std::string pack_name(const Incarnation& incarnation, const BackupId& id, std::uint32_t number) {
  return fmt::format("{}packs/{:08}", backup_folder(incarnation, id), number);
}

std::string part_name(const Incarnation& incarnation, const BackupId& id, std::uint32_t number) {
  return fmt::format("{}parts/{:08}", backup_folder(incarnation, id), number);
}

std::string names_name(const Incarnation& incarnation, const BackupId& id) {
  return backup_folder(incarnation, id) + "names";
}

std::string manifest_name(const Incarnation& incarnation, const BackupId& id) {
  return backup_folder(incarnation, id) + "manifest";
}

std::string manifest_copy_name(const Incarnation& incarnation, const BackupId& id) {
  return backup_folder(incarnation, id) + "manifest.copy";
}

std::string marks_folder(const Incarnation& incarnation) { return below(incarnation, "marks/"); }

std::string mark_name(const Incarnation& incarnation, Instant time, std::string_view kind,
                      std::uint32_t random) {
  return fmt::format("{}{}-{}-{:08x}", marks_folder(incarnation), time.to_compact(), kind, random);
}

}  // namespace tidemark::catalog
