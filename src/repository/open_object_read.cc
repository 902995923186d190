#include <fmt/format.h>

#include <algorithm>

#include "repository/frame_context.h"
#include "repository/open_object.h"
#include "repository/shipment.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kLengthBytes = 4;
constexpr std::uint64_t kFrameLimit =
    codec::kFramePlainLimit + 256;  // stored bytes of any frame, and a little more
// How many bytes a search for a later frame may decipher in vain.
constexpr std::uint64_t kSearchBytes = 64U << 20;
constexpr std::uint32_t kSearchNumbers = 3;

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](Byte byte) { return byte == 0; });
}

// An object's bytes front to back, read in large steps. What is beyond the end is not there.
class Window {
 public:
  explicit Window(std::unique_ptr<ObjectSource> source) : source_(std::move(source)) {}
  std::uint64_t size() const { return source_->size(); }
  ByteView at(std::uint64_t offset, std::uint64_t count) {
    if (offset >= size()) return {};
    count = std::min(count, size() - offset);
    if (offset < offset_ || offset + count > offset_ + bytes_.size()) {
      bytes_.resize(std::min(std::max<std::uint64_t>(count, kReadBytes), size() - offset));
      source_->read_at(offset, bytes_);
      offset_ = offset;
    }
    return ByteView(bytes_).subspan(offset - offset_, count);
  }

 private:
  std::unique_ptr<ObjectSource> source_;
  Bytes bytes_;
  std::uint64_t offset_ = 0;
};

class Walk {
 public:
  Walk(const Repository& repository, const std::string& name, Lsn start, Lsn limit, const TakeShipment& take)
      : repository_(repository), name_(name), take_(take), end_(start), limit_(limit) {}

  std::optional<Lsn> run() {
    if (!reopen()) return std::nullopt;
    if (!read_header()) return end_;
    for (;;) {
      const auto plain = checked_frame();
      if (!plain) return end_;
      try {
        take_frame(*plain);
      } catch (Error& error) {
        error.add_context(fmt::format("reading frame {} of {}", number_, name_));
        throw;
      }
    }
  }

 private:
  bool reopen() {
    auto source = repository_.store().open(name_);
    if (!source) return false;
    window_.emplace(std::move(source));
    return true;
  }

  // False: nothing was ever written whole.
  bool read_header() {
    const ByteView header = window_->at(0, codec::kHeaderBytes);
    if (header.size() < codec::kHeaderBytes || all_zero(header)) return false;
    try {
      reader_.emplace(repository_.secrets(), codec::ObjectKind::wal_open, name_, header, frame_context());
    } catch (const Error&) {
      // The first write was torn, unless something lies behind it.
      for (std::uint64_t at = codec::kHeaderBytes; at < window_->size(); at += kReadBytes) {
        if (!all_zero(window_->at(at, kReadBytes))) throw;
      }
      return false;
    }
    return true;
  }

  // nullopt: the valid prefix ends here.
  std::optional<ByteView> checked_frame() {
    auto plain = open_frame(at_, number_);
    if (!plain && synced_behind()) {
      // A writer may have been at work between our two looks, so this frame is read again before it is called
      // damaged.
      if (!reopen()) return std::nullopt;
      plain = open_frame(at_, number_);
      if (!plain)
        throw damaged(fmt::format("frame {} at byte {} had been synced and does not verify", number_, at_));
    }
    return plain;
  }

  void take_frame(ByteView plain) {
    const ShipmentFrame frame = parse_shipment_frame(plain);
    if (!gathered_.empty() && frame.frames_left != frames_left_ - 1) {
      throw damaged(fmt::format("frame {} does not continue its shipment", number_));
    }
    frames_left_ = frame.frames_left;
    at_ += *codec::ObjectReader::stored_length(window_->at(at_, kLengthBytes));
    take_chunk(frame);
    ++number_;
  }

  void take_chunk(const ShipmentFrame& frame) {
    if (frame.frames_left == 0 && gathered_.empty()) return take_shipment(frame.chunk);
    // WAL is bounded by the segment, its index by less than WAL of nothing but commits would give.
    if (gathered_.size() + frame.chunk.size() > 2 * (limit_ - end_) + kFrameLimit) {
      throw damaged(fmt::format("the shipment that frame {} belongs to is too large", number_));
    }
    gathered_.insert(gathered_.end(), frame.chunk.begin(), frame.chunk.end());
    if (frame.frames_left != 0) return;
    take_shipment(gathered_);
    gathered_.clear();
  }

  void take_shipment(ByteView whole) {
    const Shipment shipment = parse_shipment(whole);
    if (shipment.wal.size() > limit_ - end_) throw damaged("it holds more WAL than its segment");
    if (take_) take_(end_, shipment.wal, shipment.index);
    end_ += shipment.wal.size();
  }

  std::optional<ByteView> open_frame(std::uint64_t at, std::uint32_t number) {
    const auto length = codec::ObjectReader::stored_length(window_->at(at, kLengthBytes));
    if (!length) return std::nullopt;
    const ByteView stored = window_->at(at, *length);
    if (stored.size() < *length) return std::nullopt;
    try {
      return reader_->open_frame(stored, number, false).plain;
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  // The frame at at_ does not verify. That is how a torn last write looks: it never was acknowledged, and
  // several unsynced appends may even have reached the disk in another order. But every frame tells how much
  // of the object was durable when it was written: when one behind at_ says that this place had been synced,
  // bytes were lost that had been promised.
  bool synced_behind() {
    std::uint64_t budget = kSearchBytes;
    const std::uint64_t stop = std::min(window_->size(), at_ + kFrameLimit);
    for (std::uint64_t at = at_ + 1; at + kLengthBytes <= stop; ++at) {
      const ByteView next = window_->at(at, 2 * kLengthBytes);
      if (next.size() == 2 * kLengthBytes && load_le<std::uint64_t>(next.data()) == 0) {
        at += kLengthBytes;
        continue;
      }
      const auto length = codec::ObjectReader::stored_length(next);
      if (!length || *length > window_->size() - at) continue;
      for (std::uint32_t ahead = 1; ahead <= kSearchNumbers; ++ahead) {
        if (*length > budget) return false;
        budget -= *length;
        const auto plain = open_frame(at, number_ + ahead);
        if (plain) return parse_shipment_frame(*plain).durable_bytes > at_;
      }
    }
    return false;
  }

  Error damaged(std::string_view why) const {
    return Error(ErrorKind::corrupt, fmt::format("{} {} is damaged: {}",
                                                 codec::to_string(codec::ObjectKind::wal_open), name_, why))
        .code("damaged_object")
        .hint(
            "restore this object from another copy of the repository; tidemark wal salvage can bring what "
            "the server holds");
  }

  const Repository& repository_;
  const std::string& name_;
  const TakeShipment& take_;
  std::optional<Window> window_;
  std::optional<codec::ObjectReader> reader_;
  std::uint64_t at_ = codec::kHeaderBytes;
  std::uint32_t number_ = 0;
  Bytes gathered_;  // of the shipment whose frames are not all there yet
  std::uint64_t frames_left_ = 0;
  Lsn end_;
  Lsn limit_;
};

}  // namespace

std::optional<Lsn> walk_open_object(const Repository& repository, const std::string& name, Lsn start,
                                    Lsn limit, const TakeShipment& take) {
  return Walk(repository, name, start, limit, take).run();
}

}  // namespace tidemark::repository
