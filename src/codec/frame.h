#pragma once
// Frames: docs/repository-format.md "Objects". What the writer and the reader of objects share; not for other
// rooms.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "codec/cipher.h"
#include "codec/object.h"

typedef struct ZSTD_CCtx_s ZSTD_CCtx;
typedef struct ZSTD_DCtx_s ZSTD_DCtx;

namespace tidemark::codec {

inline constexpr std::size_t kLengthBytes = 4;
inline constexpr std::size_t kFrameHeadBytes = 40;
// An incompressible frame is stored as it is, so nothing is longer than its plain bytes, head and tag.
inline constexpr std::uint32_t kBodyLimit = kFrameHeadBytes + kFramePlainLimit + kTagBytes;

// Bytes of memory that nobody set to zero first.
class Scratch {
 public:
  std::span<Byte> get(std::size_t bytes);  // grows; what was in it is lost when it does

 private:
  std::unique_ptr<Byte[]> memory_;
  std::size_t size_ = 0;
};

struct FrameContext::State {
  State() = default;
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ZSTD_CCtx* compressor(int level);
  ZSTD_DCtx* decompressor();

  Cipher cipher;
  Scratch sealed, opened, plain;

 private:
  ZSTD_CCtx* compressor_ = nullptr;
  ZSTD_DCtx* decompressor_ = nullptr;
  int level_ = 0;
};

// What distinguishes the frames of one object from those of all others.
struct ObjectIdentity {
  ObjectKind kind{};
  std::string path;
  std::array<Byte, 32> salt{};
  std::uint64_t hash_seed = 0;
  std::optional<CipherKey> key;  // unset: not encrypted
  // Stands in every frame's head: also without encryption a frame of another object is refused.
  std::uint64_t tag() const { return load_le<std::uint64_t>(salt.data()); }
  std::string describe() const;  // "pack clusters/..."
};

// The first kHeaderBytes of an object.
Bytes render_header(const Secrets& secrets, ObjectIdentity& identity);  // sets identity.key
ObjectIdentity parse_header(const Secrets& secrets, ObjectKind kind, std::string_view path, ByteView header);

// One frame; valid until the context's next use.
ByteView seal_frame(FrameContext::State& context, const ObjectIdentity& identity, int level,
                    std::uint32_t number, bool last, ByteView plain, const Hash128& hash);
ObjectReader::Frame open_frame(FrameContext::State& context, const ObjectIdentity& identity, ByteView stored,
                               std::uint32_t number, bool last);

}  // namespace tidemark::codec
