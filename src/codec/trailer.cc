#include "codec/trailer.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::codec {
namespace {

constexpr std::string_view kMagic = "tidemEND";
constexpr std::size_t kOffsetAt = 8, kCountAt = 16, kTagAt = 20, kCrcAt = 28;
static_assert(kCrcAt + 4 == kTrailerBytes);

Error damaged(const ObjectIdentity& identity, std::string_view why) {
  return Error(ErrorKind::corrupt, fmt::format("{} is damaged: {}", identity.describe(), why))
      .code("damaged_object")
      .hint("run tidemark verify, and restore this object from another copy of the repository");
}

}  // namespace

std::array<Byte, kTrailerBytes> render_trailer(const ObjectIdentity& identity,
                                               const ObjectReader::Trailer& trailer) {
  std::array<Byte, kTrailerBytes> bytes{};
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  store_le(bytes.data() + kOffsetAt, trailer.last_frame_offset);
  store_le(bytes.data() + kCountAt, trailer.frame_count);
  store_le(bytes.data() + kTagAt, identity.tag());
  store_le(bytes.data() + kCrcAt, crc32c(ByteView(bytes).first(kCrcAt)));
  return bytes;
}

ObjectReader::Trailer parse_trailer(const ObjectIdentity& identity, ByteView last_bytes,
                                    std::uint64_t object_size) {
  constexpr std::size_t kSmallestFrame = kLengthBytes + kFrameHeadBytes;
  if (object_size < kHeaderBytes + kSmallestFrame + kTrailerBytes || last_bytes.size() < kTrailerBytes) {
    throw damaged(identity, fmt::format("it has {} bytes, which no whole object has", object_size));
  }
  const ByteView bytes = last_bytes.last(kTrailerBytes);
  if (as_text(bytes.first(kMagic.size())) != kMagic) throw damaged(identity, "its end is missing");
  if (load_le<std::uint32_t>(bytes.data() + kCrcAt) != crc32c(bytes.first(kCrcAt))) {
    throw damaged(identity, "its trailer's checksum is wrong");
  }
  if (load_le<std::uint64_t>(bytes.data() + kTagAt) != identity.tag()) {
    throw damaged(identity, "its trailer is of another object");
  }
  const ObjectReader::Trailer trailer{load_le<std::uint64_t>(bytes.data() + kOffsetAt),
                                      load_le<std::uint32_t>(bytes.data() + kCountAt)};
  const std::uint64_t frames_end = object_size - kTrailerBytes;
  const bool in_range = trailer.last_frame_offset >= kHeaderBytes &&
                        trailer.last_frame_offset <= frames_end - kSmallestFrame &&
                        frames_end - trailer.last_frame_offset <= kLengthBytes + kBodyLimit;
  if (!in_range || trailer.frame_count == 0 ||
      trailer.frame_count - 1 > (trailer.last_frame_offset - kHeaderBytes) / kSmallestFrame) {
    throw damaged(identity, fmt::format("its trailer does not fit its {} bytes", object_size));
  }
  return trailer;
}

}  // namespace tidemark::codec
