#pragma once
// A growing object as a file, laid out so that one small append costs one fdatasync and nothing more.

#include <memory>

#include "disk/durable_ops.h"
#include "tidemark/object_store.h"

namespace tidemark::store {

// The file is given its full size at creation and, ahead of the appends, blocks of real zeros: then fdatasync
// has neither a size nor the conversion of an allocated, unwritten block to journal. Measured on ext4 (us for
// an append of 4 KiB with fdatasync): plain growing 210, fallocate 204, over zeros 152; of 8 KiB 290, 205,
// 151. The zeros travel with an append's own write, a stretch at a time, so that a segment that stays small
// costs no more than it holds.
class GrowingFile final : public GrowingObject {
 public:
  // A new file; durable with its name on return. A taken name: Error mismatch.
  GrowingFile(disk::DurableOps& ops, const disk::Path& path, std::uint64_t reserve_bytes);
  void append(ByteView bytes) override;
  void sync() override;

 private:
  std::unique_ptr<disk::OutputFile> file_;
  std::uint64_t reserved_;     // size of the file
  std::uint64_t at_ = 0;       // where the next append begins
  std::uint64_t written_ = 0;  // blocks below this hold written bytes or written zeros
  Bytes buffer_;               // one append with the zeros behind it
};

}  // namespace tidemark::store
