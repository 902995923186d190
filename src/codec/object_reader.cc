#include <fmt/format.h>

#include <algorithm>

#include "codec/frame.h"
#include "codec/object.h"
#include "codec/trailer.h"
#include "tidemark/error.h"

namespace tidemark::codec {

struct ObjectReader::State {
  ObjectIdentity identity;
  FrameContext* context = nullptr;
};

ObjectReader::ObjectReader(const Secrets& secrets, ObjectKind kind, std::string_view path, ByteView header,
                           FrameContext& context)
    : state_(std::make_unique<State>()) {
  state_->identity = parse_header(secrets, kind, path, header);
  state_->context = &context;
}
ObjectReader::~ObjectReader() = default;
ObjectReader::ObjectReader(ObjectReader&&) noexcept = default;
ObjectReader& ObjectReader::operator=(ObjectReader&&) noexcept = default;

ObjectReader::Trailer ObjectReader::parse_trailer(ByteView last_bytes, std::uint64_t object_size) const {
  return codec::parse_trailer(state_->identity, last_bytes, object_size);
}

ObjectReader::Frame ObjectReader::open_frame(ByteView stored, std::uint32_t number, bool last) {
  return codec::open_frame(state_->context->state(), state_->identity, stored, number, last);
}

std::optional<std::uint32_t> ObjectReader::stored_length(ByteView stored) {
  if (stored.size() < kLengthBytes) return std::nullopt;
  const auto body = load_le<std::uint32_t>(stored.data());
  if (body < kFrameHeadBytes || body > kBodyLimit) return std::nullopt;
  return body + static_cast<std::uint32_t>(kLengthBytes);
}

Bytes encode_object(const Secrets& secrets, ObjectKind kind, std::string_view path, ByteView plain, int level,
                    FrameContext& context) {
  ObjectWriter writer(secrets, kind, path, level, context);
  while (!plain.empty()) {
    const std::size_t step = std::min<std::size_t>(plain.size(), kFramePlainLimit);
    writer.add_frame(plain.first(step));
    plain = plain.subspan(step);
  }
  writer.finish({});
  return writer.take();
}

Bytes decode_object(const Secrets& secrets, ObjectKind kind, std::string_view path, ByteView stored,
                    FrameContext& context, std::uint64_t plain_limit_bytes) {
  const auto damaged = [&](std::string_view why) {
    return Error(ErrorKind::corrupt, fmt::format("{} {} is damaged: {}", to_string(kind), path, why))
        .code("damaged_object");
  };
  ObjectReader reader(secrets, kind, path, stored.first(std::min(stored.size(), kHeaderBytes)), context);
  const auto trailer = reader.parse_trailer(stored, stored.size());
  const ByteView frames = stored.first(stored.size() - kTrailerBytes);
  Bytes plain;
  std::size_t at = kHeaderBytes;
  for (std::uint32_t number = 0; number < trailer.frame_count; ++number) {
    const bool last = number + 1 == trailer.frame_count;
    const auto length = ObjectReader::stored_length(frames.subspan(at));
    if (!length || *length > frames.size() - at) throw damaged(fmt::format("frame {} is cut", number));
    const auto frame = reader.open_frame(frames.subspan(at, *length), number, last);
    if (last && at != trailer.last_frame_offset) throw damaged("its trailer names another last frame");
    if (frame.plain.size() > plain_limit_bytes - plain.size()) {
      throw damaged(fmt::format("it holds more than the {} bytes it may", plain_limit_bytes));
    }
    plain.insert(plain.end(), frame.plain.begin(), frame.plain.end());
    at += *length;
  }
  if (at != frames.size()) throw damaged("bytes lie behind its last frame");
  return plain;
}

}  // namespace tidemark::codec
