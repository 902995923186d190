#include "store/growing_file.h"

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::store {

namespace {

constexpr std::uint64_t kZerosAheadBytes = 256 * 1024;
// From here on the zeros would not be written over by many appends: plain writing is cheaper.
constexpr std::uint64_t kSmallAppendBytes = 64 * 1024;

}  // namespace

GrowingFile::GrowingFile(disk::DurableOps& ops, const disk::Path& path, std::uint64_t reserve_bytes)
    : file_(ops.create_file(path, disk::kPrivateFile)), reserved_(reserve_bytes) {
  try {
    file_->allocate(reserve_bytes);
    file_->sync();
    ops.sync_folder(path.parent_path());
  } catch (const Error&) {  // a full disk must not leave the name taken by nothing
    try {
      ops.unlink(path);
    } catch (const Error&) {  // the first error says more
    }
    throw;
  }
}

void GrowingFile::append(ByteView bytes) {
  const std::uint64_t end = at_ + bytes.size();
  if (bytes.size() >= kSmallAppendBytes || end <= written_ || end >= reserved_) {
    file_->write_at(at_, bytes);
  } else {
    const std::uint64_t zeros_to = std::min((end / kZerosAheadBytes + 1) * kZerosAheadBytes, reserved_);
    buffer_.assign(bytes.begin(), bytes.end());
    buffer_.resize(zeros_to - at_);
    file_->write_at(at_, buffer_);
    written_ = zeros_to;
  }
  at_ = end;
  written_ = std::max(written_, end);
}

void GrowingFile::sync() { file_->sync_data(); }

}  // namespace tidemark::store
