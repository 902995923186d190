#include "catalog/fields.h"

#include <fmt/format.h>

#include "tidemark/error.h"

namespace tidemark::catalog {

void throw_out_of_range(std::uint64_t value) {
  throw Error(ErrorKind::corrupt, fmt::format("a number is out of range: {}", value));
}

void write_lsn(ByteWriter& writer, Lsn lsn) { writer.varint(lsn.value()); }

Lsn read_lsn(ByteReader& reader) { return Lsn(reader.varint()); }

void write_timeline(ByteWriter& writer, TimelineId timeline) { writer.varint(timeline.value()); }

TimelineId read_timeline(ByteReader& reader) { return TimelineId(read_number<std::uint32_t>(reader)); }

void write_instant(ByteWriter& writer, Instant instant) {
  writer.signed_varint(instant.postgres_microseconds());
}

Instant read_instant(ByteReader& reader) { return Instant::from_postgres(reader.signed_varint()); }

void write_optional_instant(ByteWriter& writer, const std::optional<Instant>& instant) {
  writer.fixed(static_cast<Byte>(instant ? 1 : 0));
  if (instant) write_instant(writer, *instant);
}

std::optional<Instant> read_optional_instant(ByteReader& reader) {
  if (!read_flag(reader)) return std::nullopt;
  return read_instant(reader);
}

void write_hash(ByteWriter& writer, const Hash128& hash) {
  writer.fixed(hash.low);
  writer.fixed(hash.high);
}

Hash128 read_hash(ByteReader& reader) {
  Hash128 hash;
  hash.low = reader.fixed<std::uint64_t>();
  hash.high = reader.fixed<std::uint64_t>();
  return hash;
}

void write_backup_id(ByteWriter& writer, const BackupId& id) { writer.text(id.to_string()); }

BackupId read_backup_id(ByteReader& reader) {
  const auto id = read_optional_backup_id(reader);
  if (!id) throw Error(ErrorKind::corrupt, "a backup's id is missing");
  return *id;
}

void write_optional_backup_id(ByteWriter& writer, const std::optional<BackupId>& id) {
  writer.text(id ? std::string_view(id->to_string()) : std::string_view());
}

std::optional<BackupId> read_optional_backup_id(ByteReader& reader) {
  const std::string_view text = as_text(reader.sized());
  if (text.empty()) return std::nullopt;
  auto id = BackupId::parse(text);
  if (!id) throw Error(ErrorKind::corrupt, fmt::format("'{}' is no backup's id", text.substr(0, 40)));
  return id;
}

bool read_flag(ByteReader& reader) {
  const auto flag = reader.fixed<Byte>();
  if (flag > 1) throw_out_of_range(flag);
  return flag == 1;
}

void write_backup_header(ByteWriter& writer, const BackupHeader& header) {
  write_backup_id(writer, header.id);
  writer.fixed(static_cast<Byte>(header.kind));
  write_optional_backup_id(writer, header.parent);
  write_timeline(writer, header.timeline);
  write_lsn(writer, header.start);
  write_lsn(writer, header.backup_end);
  write_lsn(writer, header.stop);
  write_instant(writer, header.started);
  write_instant(writer, header.finished);
  writer.varint(header.bytes);
  writer.varint(header.stored_bytes);
  writer.varint(header.new_bytes);
  writer.varint(header.file_count);
  writer.varint(header.extent_count);
  writer.varint(static_cast<std::uint64_t>(header.server_version_number));
  writer.varint(header.bad_page_count);
  writer.fixed(static_cast<Byte>(header.from_standby ? 1 : 0));
}

BackupHeader read_backup_header(ByteReader& reader) {
  BackupHeader header;
  header.id = read_backup_id(reader);
  const auto kind = reader.fixed<Byte>();
  if (kind > static_cast<Byte>(BackupKind::incremental)) throw_out_of_range(kind);
  header.kind = static_cast<BackupKind>(kind);
  header.parent = read_optional_backup_id(reader);
  header.timeline = read_timeline(reader);
  header.start = read_lsn(reader);
  header.backup_end = read_lsn(reader);
  header.stop = read_lsn(reader);
  header.started = read_instant(reader);
  header.finished = read_instant(reader);
  header.bytes = reader.varint();
  header.stored_bytes = reader.varint();
  header.new_bytes = reader.varint();
  header.file_count = reader.varint();
  header.extent_count = reader.varint();
  header.server_version_number = read_number<int>(reader);
  header.bad_page_count = read_number<std::uint32_t>(reader);
  header.from_standby = read_flag(reader);
  return header;
}

void write_begun(ByteWriter& writer, const Begun& begun) {
  write_backup_id(writer, begun.id);
  write_optional_backup_id(writer, begun.parent);
  write_timeline(writer, begun.timeline);
  write_lsn(writer, begun.start);
  write_instant(writer, begun.started);
}

Begun read_begun(ByteReader& reader) {
  Begun begun;
  begun.id = read_backup_id(reader);
  begun.parent = read_optional_backup_id(reader);
  begun.timeline = read_timeline(reader);
  begun.start = read_lsn(reader);
  begun.started = read_instant(reader);
  return begun;
}

}  // namespace tidemark::catalog
