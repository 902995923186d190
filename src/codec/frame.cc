#include "codec/frame.h"

#include <fmt/format.h>
#include <zstd.h>

#include <cstring>

#include "tidemark/error.h"

namespace tidemark::codec {
namespace {

// Offsets in the head, which follows the length and is sealed with the rest of the body.
constexpr std::size_t kNumberAt = 0, kFlagsAt = 4, kPlainBytesAt = 8, kTagAt = 12, kHashAt = 20, kCrcAt = 36;
constexpr std::uint32_t kLastFrame = 1, kCompressed = 2;
static_assert(kCrcAt + 4 == kFrameHeadBytes);

// Compression that saves less than this share is not worth undoing at every read.
constexpr std::size_t kSmallestSaving = 32;

[[noreturn]] void refuse(const ObjectIdentity& identity, std::uint32_t number, std::string_view why) {
  throw Error(ErrorKind::corrupt,
              fmt::format("frame {} of {} is damaged: {}", number, identity.describe(), why))
      .code("damaged_object")
      .hint("run tidemark verify, and restore this object from another copy of the repository");
}

struct Associated {
  std::array<Byte, 12> bytes{};
  Associated(std::uint32_t length, std::uint32_t number, bool last) {
    store_le(bytes.data(), length);
    store_le(bytes.data() + 4, number);
    store_le<std::uint32_t>(bytes.data() + 8, last ? kLastFrame : 0);
  }
};

Nonce nonce_of(std::uint32_t number) {
  Nonce nonce{};
  store_le(nonce.data(), number);
  return nonce;
}

// Compressed to `to` when that pays; 0: it does not.
std::size_t compress(FrameContext::State& context, int level, ByteView plain, std::span<Byte> to) {
  if (level == 0 || plain.empty()) return 0;
  const std::size_t size =
      ZSTD_compress2(context.compressor(level), to.data(), to.size(), plain.data(), plain.size());
  if (ZSTD_isError(size) != 0) {
    throw Error(ErrorKind::internal, fmt::format("zstd refuses to compress: {}", ZSTD_getErrorName(size)));
  }
  return size < plain.size() - plain.size() / kSmallestSaving ? size : 0;
}

// The CRC covers length, head and payload: a flipped bit that zstd does not look at is found, too.
std::uint32_t frame_crc(ByteView length_and_head, ByteView payload) {
  return crc32c(payload, crc32c(length_and_head.first(kLengthBytes + kCrcAt)));
}

}  // namespace

ByteView seal_frame(FrameContext::State& context, const ObjectIdentity& identity, int level,
                    std::uint32_t number, bool last, ByteView plain, const Hash128& hash) {
  constexpr std::size_t kBefore = kLengthBytes + kFrameHeadBytes;
  const std::span<Byte> out = context.sealed.get(kBefore + ZSTD_compressBound(plain.size()) + kTagBytes);
  std::size_t payload_bytes =
      compress(context, level, plain, out.subspan(kBefore, out.size() - kBefore - kTagBytes));
  const bool compressed = payload_bytes != 0;
  if (!compressed && !plain.empty()) {
    std::memcpy(out.data() + kBefore, plain.data(), plain.size());
    payload_bytes = plain.size();
  }
  const auto length =
      static_cast<std::uint32_t>(kFrameHeadBytes + payload_bytes + (identity.key ? kTagBytes : 0));
  store_le(out.data(), length);
  Byte* head = out.data() + kLengthBytes;
  store_le(head + kNumberAt, number);
  store_le<std::uint32_t>(head + kFlagsAt, (last ? kLastFrame : 0) | (compressed ? kCompressed : 0));
  store_le(head + kPlainBytesAt, static_cast<std::uint32_t>(plain.size()));
  store_le(head + kTagAt, identity.tag());
  store_le(head + kHashAt, hash.low);
  store_le(head + kHashAt + 8, hash.high);
  if (identity.key) {
    store_le<std::uint32_t>(head + kCrcAt, 0);  // GCM does more
    const Associated associated(length, number, last);
    context.cipher.seal(*identity.key, nonce_of(number), associated.bytes,
                        out.subspan(kLengthBytes, kFrameHeadBytes + payload_bytes),
                        out.subspan(kBefore + payload_bytes).first<kTagBytes>());
  } else {
    store_le(head + kCrcAt, frame_crc(out, out.subspan(kBefore, payload_bytes)));
  }
  return out.first(kLengthBytes + length);
}

namespace {

// The body without its seal.
ByteView unseal(FrameContext::State& context, const ObjectIdentity& identity, ByteView stored,
                std::uint32_t number, bool last) {
  const auto length = ObjectReader::stored_length(stored);
  if (!length || *length != stored.size()) refuse(identity, number, "its length is wrong");
  const ByteView body = stored.subspan(kLengthBytes);
  if (!identity.key) return body;
  if (body.size() < kFrameHeadBytes + kTagBytes) refuse(identity, number, "it is too short");
  const std::span<Byte> opened = context.opened.get(body.size() - kTagBytes);
  const Associated associated(static_cast<std::uint32_t>(body.size()), number, last);
  if (!context.cipher.open(*identity.key, nonce_of(number), associated.bytes, body.first(opened.size()),
                           body.last<kTagBytes>(), opened.data())) {
    refuse(identity, number, "it does not decrypt");
  }
  return opened;
}

void check_head(const ObjectIdentity& identity, ByteView stored, ByteView body, std::uint32_t number,
                bool last) {
  const Byte* head = body.data();
  const std::uint32_t wanted_crc = identity.key ? 0 : frame_crc(stored, body.subspan(kFrameHeadBytes));
  if (load_le<std::uint32_t>(head + kCrcAt) != wanted_crc) refuse(identity, number, "its checksum is wrong");
  if (load_le<std::uint64_t>(head + kTagAt) != identity.tag())
    refuse(identity, number, "it is of another object");
  if (const auto found = load_le<std::uint32_t>(head + kNumberAt); found != number) {
    refuse(identity, number, fmt::format("it is frame {}", found));
  }
  const auto flags = load_le<std::uint32_t>(head + kFlagsAt);
  if (flags > (kLastFrame | kCompressed)) refuse(identity, number, "it has unknown flags");
  if (((flags & kLastFrame) != 0) != last) {
    refuse(identity, number, last ? "the object ends with another" : "it is the object's last");
  }
}

ByteView decompress(FrameContext::State& context, const ObjectIdentity& identity, ByteView payload,
                    std::uint32_t number, std::size_t plain_bytes) {
  const std::span<Byte> plain = context.plain.get(plain_bytes);
  const std::size_t size =
      ZSTD_decompressDCtx(context.decompressor(), plain.data(), plain.size(), payload.data(), payload.size());
  if (ZSTD_isError(size) != 0) refuse(identity, number, ZSTD_getErrorName(size));
  if (size != plain_bytes) refuse(identity, number, "its plain length is wrong");
  return plain;
}

}  // namespace

ObjectReader::Frame open_frame(FrameContext::State& context, const ObjectIdentity& identity, ByteView stored,
                               std::uint32_t number, bool last) {
  const ByteView body = unseal(context, identity, stored, number, last);
  check_head(identity, stored, body, number, last);
  const Byte* head = body.data();
  const std::size_t plain_bytes = load_le<std::uint32_t>(head + kPlainBytesAt);
  if (plain_bytes > kFramePlainLimit) refuse(identity, number, "its plain length is out of range");
  const ByteView payload = body.subspan(kFrameHeadBytes);
  ByteView plain = payload;
  if ((load_le<std::uint32_t>(head + kFlagsAt) & kCompressed) != 0) {
    plain = decompress(context, identity, payload, number, plain_bytes);
  } else if (payload.size() != plain_bytes) {
    refuse(identity, number, "its plain length is wrong");
  }
  const Hash128 hash{load_le<std::uint64_t>(head + kHashAt), load_le<std::uint64_t>(head + kHashAt + 8)};
  if (xxh3_128(plain, identity.hash_seed) != hash)
    refuse(identity, number, "its plain bytes have another hash");
  return {plain, hash};
}

}  // namespace tidemark::codec
