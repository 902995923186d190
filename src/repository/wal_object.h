#pragma once
// Full segments and pieces as objects: docs/repository-format.md "WAL ranges". Frames of 1 MiB of WAL, then
// the index, then the footer.

#include <cstdint>
#include <string>
#include <vector>

#include "repository/stored_object.h"
#include "tidemark/checksum.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"
#include "wal/index.h"

namespace tidemark::repository {

struct WalFooter {
  TimelineId timeline;
  Lsn start, end;
  Hash128 hash;                             // of all WAL bytes
  std::vector<std::uint32_t> wal_frames;    // stored bytes of each, from frame 0 on
  std::vector<std::uint32_t> index_frames;  // of those that follow
  bool operator==(const WalFooter&) const = default;
  Bytes serialize() const;
  static WalFooter parse(ByteView bytes);  // Error corrupt
};

// The whole object. `kind`: wal_segment or wal_piece. The index must cover exactly `bytes` (Error internal).
struct BuiltWalObject {
  Bytes content;
  Hash128 hash;
};
BuiltWalObject build_wal_object(const Repository& repository, codec::ObjectKind kind, const std::string& name,
                                TimelineId timeline, Lsn start, ByteView bytes, const wal::WalIndex& index);

// One stored segment or piece. One thread.
class WalObject {
 public:
  // nullopt: it does not exist. The footer must say what the name says, [start, end) of `timeline`.
  static std::optional<WalObject> open(const Repository& repository, codec::ObjectKind kind,
                                       const std::string& name, TimelineId timeline, Lsn start, Lsn end);
  const WalFooter& footer() const { return footer_; }
  wal::WalIndex index();
  void read(Lsn from, Lsn to, Bytes& out);  // appends

 private:
  WalObject(StoredObject object, WalFooter footer);
  StoredObject object_;
  WalFooter footer_;
  std::uint64_t index_offset_ = codec::kHeaderBytes;
};

}  // namespace tidemark::repository
