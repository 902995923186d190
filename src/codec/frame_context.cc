#include <zstd.h>

#include "codec/frame.h"
#include "tidemark/error.h"

namespace tidemark::codec {

std::span<Byte> Scratch::get(std::size_t bytes) {
  if (size_ < bytes) {
    memory_ = std::make_unique_for_overwrite<Byte[]>(bytes);
    size_ = bytes;
  }
  return {memory_.get(), bytes};
}

FrameContext::State::~State() {
  ZSTD_freeCCtx(compressor_);
  ZSTD_freeDCtx(decompressor_);
}

ZSTD_CCtx* FrameContext::State::compressor(int level) {
  if (compressor_ == nullptr) compressor_ = ZSTD_createCCtx();
  if (compressor_ == nullptr) throw Error(ErrorKind::internal, "zstd gives no compression context");
  if (level != level_) {
    const std::size_t result = ZSTD_CCtx_setParameter(compressor_, ZSTD_c_compressionLevel, level);
    if (ZSTD_isError(result) != 0)
      throw Error(ErrorKind::internal, "zstd does not know this compression level");
    level_ = level;
  }
  return compressor_;
}

ZSTD_DCtx* FrameContext::State::decompressor() {
  if (decompressor_ == nullptr) decompressor_ = ZSTD_createDCtx();
  if (decompressor_ == nullptr) throw Error(ErrorKind::internal, "zstd gives no decompression context");
  return decompressor_;
}

FrameContext::FrameContext() : state_(std::make_unique<State>()) {}
FrameContext::~FrameContext() = default;
FrameContext::FrameContext(FrameContext&&) noexcept = default;
FrameContext& FrameContext::operator=(FrameContext&&) noexcept = default;

}  // namespace tidemark::codec
