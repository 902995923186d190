#include <algorithm>
#include <utility>

#include "codec/frame.h"
#include "codec/object.h"
#include "codec/trailer.h"
#include "tidemark/error.h"

namespace tidemark::codec {

struct ObjectWriter::State {
  ObjectIdentity identity;
  int level = 0;
  FrameContext* context = nullptr;
  Bytes bytes;
  std::uint64_t taken_bytes = 0;
  std::uint32_t frames = 0;
  bool finished = false;

  FramePlace add(ByteView plain, const std::optional<Hash128>& hash, bool last) {
    TIDEMARK_CHECK(!finished);
    TIDEMARK_CHECK(plain.size() <= kFramePlainLimit);
    const ByteView sealed = seal_frame(context->state(), identity, level, frames, last, plain,
                                       hash ? *hash : xxh3_128(plain, identity.hash_seed));
    const FramePlace place{frames, taken_bytes + bytes.size(), static_cast<std::uint32_t>(sealed.size())};
    bytes.insert(bytes.end(), sealed.begin(), sealed.end());
    ++frames;
    return place;
  }
};

ObjectWriter::ObjectWriter(const Secrets& secrets, ObjectKind kind, std::string_view path, int level,
                           FrameContext& context)
    : state_(std::make_unique<State>()) {
  ObjectIdentity& identity = state_->identity;
  identity.kind = kind;
  identity.path = path;
  identity.hash_seed = secrets.hash_seed();
  fill_random(identity.salt);
  state_->level = level;
  state_->context = &context;
  state_->bytes = render_header(secrets, identity);
}
ObjectWriter::~ObjectWriter() = default;
ObjectWriter::ObjectWriter(ObjectWriter&&) noexcept = default;
ObjectWriter& ObjectWriter::operator=(ObjectWriter&&) noexcept = default;

void ObjectWriter::reserve(std::size_t bytes) { state_->bytes.reserve(bytes); }

FramePlace ObjectWriter::add_frame(ByteView plain, std::optional<Hash128> hash) {
  return state_->add(plain, hash, false);
}

FramePlace ObjectWriter::finish(ByteView footer) {
  const FramePlace last = state_->add(footer, std::nullopt, true);
  const auto trailer = render_trailer(state_->identity, {last.offset, state_->frames});
  state_->bytes.insert(state_->bytes.end(), trailer.begin(), trailer.end());
  state_->finished = true;
  return last;
}

std::uint64_t ObjectWriter::size() const { return state_->taken_bytes + state_->bytes.size(); }
std::uint32_t ObjectWriter::frame_count() const { return state_->frames; }
const Bytes& ObjectWriter::bytes() const { return state_->bytes; }

Bytes ObjectWriter::take() {
  state_->taken_bytes += state_->bytes.size();
  return std::exchange(state_->bytes, {});
}

}  // namespace tidemark::codec
