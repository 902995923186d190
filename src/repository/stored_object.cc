#include "repository/stored_object.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tidemark::repository {
namespace {

// One read of this size brings trailer and footer of nearly every object, and small objects whole.
constexpr std::uint64_t kTailBytes = 64 * 1024;

}  // namespace

StoredObject::StoredObject(std::string name, codec::ObjectKind kind, std::unique_ptr<ObjectSource> source,
                           codec::ObjectReader reader)
    : name_(std::move(name)),
      kind_(kind),
      source_(std::move(source)),
      reader_(std::move(reader)),
      size_(source_->size()) {}

std::optional<StoredObject> StoredObject::open(const Repository& repository, codec::ObjectKind kind,
                                               const std::string& name, codec::FrameContext& context) {
  auto source = repository.store().open(name);
  if (!source) return std::nullopt;
  std::array<Byte, codec::kHeaderBytes> header;
  const std::span<Byte> present =
      std::span(header).first(std::min<std::uint64_t>(header.size(), source->size()));
  source->read_at(0, present);
  codec::ObjectReader reader(repository.secrets(), kind, name, present, context);
  return StoredObject(name, kind, std::move(source), std::move(reader));
}

Error StoredObject::damaged(std::string_view why) const {
  return Error(ErrorKind::corrupt, fmt::format("{} {} is damaged: {}", codec::to_string(kind_), name_, why))
      .code("damaged_object")
      .hint("run tidemark verify, and restore this object from another copy of the repository");
}

void StoredObject::load_tail() {
  if (!tail_.empty()) return;
  tail_.resize(std::min(kTailBytes, size_));
  tail_offset_ = size_ - tail_.size();
  source_->read_at(tail_offset_, tail_);
}

codec::ObjectReader::Trailer StoredObject::trailer() {
  load_tail();
  return reader_.parse_trailer(tail_, size_);
}

Bytes StoredObject::footer() {
  const auto end = trailer();
  const std::uint64_t length = size_ - codec::kTrailerBytes - end.last_frame_offset;
  const ByteView last = stored(end.last_frame_offset, length);
  const auto frame = reader_.open_frame(last, end.frame_count - 1, true);
  return {frame.plain.begin(), frame.plain.end()};
}

ByteView StoredObject::stored(std::uint64_t offset, std::size_t count) {
  if (!tail_.empty() && offset >= tail_offset_ && offset - tail_offset_ <= tail_.size() &&
      count <= tail_.size() - (offset - tail_offset_)) {
    return ByteView(tail_).subspan(offset - tail_offset_, count);
  }
  if (offset > size_ || count > size_ - offset) {
    throw damaged(fmt::format("it has {} bytes, and {} at {} were expected", size_, count, offset));
  }
  if (buffer_.size() < count) buffer_.resize(count);
  const std::span<Byte> wanted = std::span(buffer_).first(count);
  source_->read_at(offset, wanted);
  return wanted;
}

codec::ObjectReader::Frame StoredObject::frame(const codec::FramePlace& place) {
  return reader_.open_frame(stored(place.offset, place.stored_bytes), place.number, false);
}

}  // namespace tidemark::repository
