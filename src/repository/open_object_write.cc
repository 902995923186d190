#include <fmt/format.h>

#include <algorithm>

#include "repository/open_object.h"
#include "repository/shipment.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

constexpr std::uint64_t kReserveLimit = 16U << 20;
constexpr std::uint64_t kReserveSlack = 64 * 1024;

class GrowingSegment final : public OpenSegment {
 public:
  GrowingSegment(std::shared_ptr<Repository> repository, const std::string& name, Lsn start, Lsn limit)
      : repository_(std::move(repository)),
        growing_(repository_->store().create_growing(name,
                                                     std::min(limit - start, kReserveLimit) + kReserveSlack)),
        writer_(repository_->secrets(), codec::ObjectKind::wal_open, name,
                repository_->options().compression_level, context_),
        end_(start),
        limit_(limit) {}

  void append(ByteView bytes, const wal::WalIndex& index) override {
    if (index.start != end_ || index.end != end_ + bytes.size() || index.end > limit_ || bytes.empty()) {
      throw Error(ErrorKind::internal,
                  fmt::format("WAL {} to {} does not continue the open segment, which ends at {}",
                              index.start.to_string(), index.end.to_string(), end_.to_string()));
    }
    const Bytes serialized = index.serialize();
    ShipmentFrames frames(bytes, serialized, durable_bytes_);
    while (frames.next(plain_)) writer_.add_frame(plain_);
    growing_->append(writer_.take());  // with the header before the first shipment
    end_ = index.end;
  }

  void sync() override {
    growing_->sync();
    durable_bytes_ = writer_.size();
  }

  Lsn end() const override { return end_; }

 private:
  std::shared_ptr<Repository> repository_;
  std::unique_ptr<GrowingObject> growing_;
  codec::FrameContext context_;
  codec::ObjectWriter writer_;
  Bytes plain_;
  Lsn end_, limit_;
  std::uint64_t durable_bytes_ = 0;  // of the object, since the last sync
};

}  // namespace

std::unique_ptr<OpenSegment> create_open_object(std::shared_ptr<Repository> repository,
                                                const std::string& name, Lsn start, Lsn limit) {
  return std::make_unique<GrowingSegment>(std::move(repository), name, start, limit);
}

}  // namespace tidemark::repository
