#include "catalog/mark.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

OrderedJson begin_mark(std::string_view kind) { return {{"format", 1}, {"kind", kind}}; }

Bytes to_bytes(const OrderedJson& json) {
  const std::string text = json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

[[noreturn]] void throw_bad_mark(std::string_view kind, std::string_view why) {
  throw Error(ErrorKind::corrupt, fmt::format("a mark of kind '{}' cannot be read: {}", kind, why));
}

Json parse_mark(ByteView bytes, std::string_view kind) {
  Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) throw_bad_mark(kind, "it is no JSON object");
  const auto format = json.find("format");
  if (format == json.end() || !format->is_number_integer()) throw_bad_mark(kind, "it names no format");
  if (*format != 1) throw_bad_mark(kind, "its format was written by a newer version");
  if (json.value("kind", Json()) != kind) throw_bad_mark(kind, "it is of another kind");
  return json;
}

std::string text_of(const Json& json, std::string_view kind, const char* field) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_string()) throw_bad_mark(kind, fmt::format("{} is missing", field));
  return found->get<std::string>();
}

std::uint64_t number_of(const Json& json, std::string_view kind, const char* field, std::uint64_t limit) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > limit) {
    throw_bad_mark(kind, fmt::format("{} is missing or out of range", field));
  }
  return found->get<std::uint64_t>();
}

Instant instant_of(const Json& json, std::string_view kind, const char* field) {
  const auto instant = Instant::parse_iso(text_of(json, kind, field));
  if (!instant) throw_bad_mark(kind, fmt::format("{} is no time", field));
  return *instant;
}

Lsn lsn_of(const Json& json, std::string_view kind, const char* field) {
  const auto lsn = Lsn::parse(text_of(json, kind, field));
  if (!lsn) throw_bad_mark(kind, fmt::format("{} is no LSN", field));
  return *lsn;
}

TimelineId timeline_of(const Json& json, std::string_view kind) {
  return TimelineId(static_cast<std::uint32_t>(number_of(json, kind, "timeline", UINT32_MAX)));
}

BackupId backup_of(const Json& json, std::string_view kind) {
  const auto id = BackupId::parse(text_of(json, kind, "backup"));
  if (!id) throw_bad_mark(kind, "backup is no backup's id");
  return *id;
}

bool is_kind(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == text.npos;
}

}  // namespace

Bytes IdleProof::serialize() const {
  OrderedJson json = begin_mark(kMarkIdleProof);
  json["time"] = time.to_iso();
  json["lsn"] = lsn.to_string();
  json["timeline"] = timeline.value();
  return to_bytes(json);
}

IdleProof IdleProof::parse(ByteView json) {
  const Json mark = parse_mark(json, kMarkIdleProof);
  return {instant_of(mark, kMarkIdleProof, "time"), lsn_of(mark, kMarkIdleProof, "lsn"),
          timeline_of(mark, kMarkIdleProof)};
}

Bytes Pin::serialize() const {
  OrderedJson json = begin_mark(kMarkPin);
  json["backup"] = backup.to_string();
  json["until"] = until.to_iso();
  json["reason"] = reason;
  return to_bytes(json);
}

Pin Pin::parse(ByteView json) {
  const Json mark = parse_mark(json, kMarkPin);
  return {backup_of(mark, kMarkPin), instant_of(mark, kMarkPin, "until"), text_of(mark, kMarkPin, "reason")};
}

Bytes Unpin::serialize() const {
  OrderedJson json = begin_mark(kMarkUnpin);
  json["backup"] = backup.to_string();
  return to_bytes(json);
}

Unpin Unpin::parse(ByteView json) { return {backup_of(parse_mark(json, kMarkUnpin), kMarkUnpin)}; }

Bytes AcknowledgedGap::serialize() const {
  OrderedJson json = begin_mark(kMarkGapAcknowledged);
  json["timeline"] = timeline.value();
  json["from"] = from.to_string();
  json["to"] = to.to_string();
  return to_bytes(json);
}

AcknowledgedGap AcknowledgedGap::parse(ByteView json) {
  const Json mark = parse_mark(json, kMarkGapAcknowledged);
  return {timeline_of(mark, kMarkGapAcknowledged), lsn_of(mark, kMarkGapAcknowledged, "from"),
          lsn_of(mark, kMarkGapAcknowledged, "to")};
}

Bytes VerifyRun::serialize() const {
  OrderedJson json = begin_mark(kMarkVerify);
  json["backup"] = backup.to_string();
  json["time"] = time.to_iso();
  json["bytes"] = bytes;
  json["bad_frames"] = bad_frames;
  return to_bytes(json);
}

VerifyRun VerifyRun::parse(ByteView json) {
  const Json mark = parse_mark(json, kMarkVerify);
  return {backup_of(mark, kMarkVerify), instant_of(mark, kMarkVerify, "time"),
          number_of(mark, kMarkVerify, "bytes", UINT64_MAX),
          number_of(mark, kMarkVerify, "bad_frames", UINT64_MAX)};
}

Bytes Tombstone::serialize() const {
  OrderedJson json = begin_mark(kMarkTombstone);
  json["backup"] = backup.to_string();
  json["time"] = time.to_iso();
  return to_bytes(json);
}

Tombstone Tombstone::parse(ByteView json) {
  const Json mark = parse_mark(json, kMarkTombstone);
  return {backup_of(mark, kMarkTombstone), instant_of(mark, kMarkTombstone, "time")};
}

// "20261122T030456.123456Z-idle-0a1b2c3d"
std::optional<MarkName> parse_mark_name(std::string_view last_part) {
  const auto first = last_part.find('-');
  const auto last = last_part.rfind('-');
  if (first == last_part.npos || last == first) return std::nullopt;
  const auto time = Instant::parse_compact(last_part.substr(0, first));
  const std::string_view kind = last_part.substr(first + 1, last - first - 1);
  const std::string_view random = last_part.substr(last + 1);
  if (!time || !is_kind(kind) || random.size() != 8 ||
      random.find_first_not_of("0123456789abcdef") != random.npos) {
    return std::nullopt;
  }
  MarkName name{*time, std::string(kind), 0};
  std::from_chars(random.data(), random.data() + random.size(), name.random, 16);
  return name;
}

}  // namespace tidemark::catalog
