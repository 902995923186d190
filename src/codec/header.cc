// The first 128 bytes of every object: docs/repository-format.md "Objects".
#include <fmt/format.h>

#include <algorithm>

#include "codec/frame.h"
#include "tidemark/error.h"

namespace tidemark::codec {
namespace {

constexpr std::string_view kMagic = "tidemark";
constexpr std::uint16_t kLayout = 1;
constexpr std::uint32_t kEncrypted = 1;
constexpr std::size_t kLayoutAt = 8, kKindAt = 10, kFlagsAt = 12, kRepositoryAt = 16, kPathHashAt = 32,
                      kSaltAt = 48, kReservedAt = 80, kCrcAt = 124;
static_assert(kCrcAt + 4 == kHeaderBytes);

// Everything of the header but the random bytes goes into the key, so that a header changed on purpose opens
// nothing.
CipherKey object_key(const Secrets& secrets, const ObjectIdentity& identity, ByteView header) {
  Bytes info;
  ByteWriter writer(info);
  writer.text("tidemark object 1");
  writer.bytes(header.first(kPathHashAt));
  writer.text(identity.path);
  return derive_key(secrets.key().bytes(), identity.salt, info);
}

Error damaged(const ObjectIdentity& identity, std::string_view why) {
  return Error(ErrorKind::corrupt, fmt::format("{} is damaged: {}", identity.describe(), why))
      .code("damaged_object")
      .hint("run tidemark verify, and restore this object from another copy of the repository");
}

Error foreign(const ObjectIdentity& identity, std::string_view why) {
  return Error(ErrorKind::mismatch,
               fmt::format("{} is not the object of that name: {}", identity.describe(), why))
      .code("foreign_object")
      .hint(
          "find out what put another object in its place, and restore this one from another copy of the "
          "repository");
}

// In this order: damage is called damage before anything in the header is believed.
void check_form(const ObjectIdentity& identity, ByteView header) {
  if (header.size() < kHeaderBytes) throw damaged(identity, "it is shorter than a header");
  if (as_text(header.first(kMagic.size())) != kMagic)
    throw damaged(identity, "its header does not begin as it must");
  if (load_le<std::uint32_t>(header.data() + kCrcAt) != crc32c(header.first(kCrcAt))) {
    throw damaged(identity, "its header's checksum is wrong");
  }
  if (const auto layout = load_le<std::uint16_t>(header.data() + kLayoutAt); layout != kLayout) {
    throw Error(ErrorKind::mismatch,
                fmt::format("{} has layout {}, this program knows 1", identity.describe(), layout))
        .code("newer_layout")
        .hint("use a newer tidemark with this repository");
  }
  const ByteView reserved = header.subspan(kReservedAt, kCrcAt - kReservedAt);
  if (std::any_of(reserved.begin(), reserved.end(), [](Byte byte) { return byte != 0; })) {
    throw damaged(identity, "reserved bytes of its header are set");
  }
}

void check_identity(const Secrets& secrets, const ObjectIdentity& identity, ByteView header) {
  const ByteView repository = header.subspan(kRepositoryAt, 16);
  if (!std::ranges::equal(repository, secrets.repository().bytes())) {
    throw foreign(identity, fmt::format("it is of repository {}", to_hex(repository)));
  }
  const auto flags = load_le<std::uint32_t>(header.data() + kFlagsAt);
  if (flags > kEncrypted) throw damaged(identity, "its header has unknown flags");
  if ((flags == kEncrypted) != secrets.encrypted()) {
    throw foreign(identity, secrets.encrypted() ? "it is not encrypted, the repository is"
                                                : "it is encrypted, the repository is not");
  }
  if (const auto kind = load_le<std::uint16_t>(header.data() + kKindAt);
      kind != static_cast<std::uint16_t>(identity.kind)) {
    throw foreign(identity,
                  fmt::format("it is of kind {} ({})", kind, to_string(static_cast<ObjectKind>(kind))));
  }
  const Hash128 path = xxh3_128(as_bytes(identity.path), identity.hash_seed);
  if (load_le<std::uint64_t>(header.data() + kPathHashAt) != path.low ||
      load_le<std::uint64_t>(header.data() + kPathHashAt + 8) != path.high) {
    throw foreign(identity, "it was stored under another name");
  }
}

}  // namespace

std::string_view to_string(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::wal_segment:
      return "WAL segment";
    case ObjectKind::wal_piece:
      return "WAL piece";
    case ObjectKind::wal_open:
      return "open WAL segment";
    case ObjectKind::log_index:
      return "log index";
    case ObjectKind::history:
      return "timeline history";
    case ObjectKind::claim:
      return "timeline claim";
    case ObjectKind::identity:
      return "identity";
    case ObjectKind::checkpoint:
      return "checkpoint";
    case ObjectKind::mark:
      return "mark";
    case ObjectKind::begun:
      return "begun";
    case ObjectKind::pack:
      return "pack";
    case ObjectKind::part:
      return "part";
    case ObjectKind::names:
      return "names";
    case ObjectKind::manifest:
      return "manifest";
  }
  return "unknown object";
}

std::string ObjectIdentity::describe() const { return fmt::format("{} {}", to_string(kind), path); }

Bytes render_header(const Secrets& secrets, ObjectIdentity& identity) {
  Bytes header(kHeaderBytes);
  std::copy(kMagic.begin(), kMagic.end(), header.begin());
  store_le(header.data() + kLayoutAt, kLayout);
  store_le(header.data() + kKindAt, static_cast<std::uint16_t>(identity.kind));
  store_le<std::uint32_t>(header.data() + kFlagsAt, secrets.encrypted() ? kEncrypted : 0);
  std::ranges::copy(secrets.repository().bytes(), header.begin() + kRepositoryAt);
  const Hash128 path = xxh3_128(as_bytes(identity.path), identity.hash_seed);
  store_le(header.data() + kPathHashAt, path.low);
  store_le(header.data() + kPathHashAt + 8, path.high);
  std::ranges::copy(identity.salt, header.begin() + kSaltAt);
  store_le(header.data() + kCrcAt, crc32c(ByteView(header).first(kCrcAt)));
  if (secrets.encrypted()) identity.key = object_key(secrets, identity, header);
  return header;
}

ObjectIdentity parse_header(const Secrets& secrets, ObjectKind kind, std::string_view path, ByteView header) {
  ObjectIdentity identity;
  identity.kind = kind;
  identity.path = path;
  identity.hash_seed = secrets.hash_seed();
  check_form(identity, header);
  check_identity(secrets, identity, header);
  std::ranges::copy(header.subspan(kSaltAt, identity.salt.size()), identity.salt.begin());
  if (secrets.encrypted()) identity.key = object_key(secrets, identity, header);
  return identity;
}

}  // namespace tidemark::codec
