#pragma once
// The outer form of every object: header, frames, trailer. docs/repository-format.md "Objects" has every
// byte.
//
//   header   magic, layout version, kind, flags, repository id, hash of the path, 32 random bytes, CRC
//   frames   length, then a body: number, flags, hash and length of the plain bytes, the zstd or raw bytes;
//   with encryption
//            the body is sealed by AES-256-GCM: key HKDF(repository key, the 32 bytes, path), nonce = frame
//            number, associated data = length, frame number, last-frame flag
//   trailer  where the last frame begins, how many frames there are, CRC. The last frame holds the object's
//   footer.
//
// An object that was cut, flipped, swapped with another or taken from another repository or incarnation is
// refused with an Error corrupt or mismatch that names the object and the frame.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/keys.h"
#include "tidemark/bytes.h"
#include "tidemark/checksum.h"

namespace tidemark::codec {

enum class ObjectKind : std::uint16_t {
  wal_segment = 1,
  wal_piece = 2,
  wal_open = 3,
  log_index = 4,
  history = 5,
  claim = 6,
  identity = 7,
  checkpoint = 8,
  mark = 9,
  begun = 10,
  pack = 11,
  part = 12,
  names = 13,
  manifest = 14,
};
std::string_view to_string(ObjectKind kind);

inline constexpr std::uint32_t kFramePlainLimit = 1U << 20;  // plain bytes of a frame
inline constexpr std::size_t kHeaderBytes = 128;
inline constexpr std::size_t kTrailerBytes = 32;

struct FramePlace {
  std::uint32_t number = 0;
  std::uint64_t offset = 0;        // in the object
  std::uint32_t stored_bytes = 0;  // length field included
};

// Reusable zstd and AES contexts and buffers; one per thread.
class FrameContext {
 public:
  FrameContext();
  ~FrameContext();
  FrameContext(FrameContext&&) noexcept;
  FrameContext& operator=(FrameContext&&) noexcept;
  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// Builds one object front to back; the caller takes its bytes whenever it likes. One thread.
class ObjectWriter {
 public:
  // `path` is the object's name below the repository's root. `level`: zstd level, 0 = raw.
  ObjectWriter(const Secrets& secrets, ObjectKind kind, std::string_view path, int level,
               FrameContext& context);
  ~ObjectWriter();
  ObjectWriter(ObjectWriter&&) noexcept;
  ObjectWriter& operator=(ObjectWriter&&) noexcept;

  // Room for that many bytes in all, so that a large object is not copied while it grows.
  void reserve(std::size_t bytes);
  // At most kFramePlainLimit bytes. `hash` = xxh3_128(plain, secrets.hash_seed()) when the caller already has
  // it.
  FramePlace add_frame(ByteView plain, std::optional<Hash128> hash = std::nullopt);
  // The last frame and the trailer; nothing may be added after.
  FramePlace finish(ByteView footer);
  std::uint64_t size() const;  // bytes so far, header included
  std::uint32_t frame_count() const;
  const Bytes& bytes() const;  // what was built and not yet taken
  Bytes take();                // hands it out; offsets go on counting

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Opens frames of one object. The object's bytes come from the caller. One thread.
class ObjectReader {
 public:
  // `header`: the first kHeaderBytes of the object. Checks everything the header tells.
  ObjectReader(const Secrets& secrets, ObjectKind kind, std::string_view path, ByteView header,
               FrameContext& context);
  ~ObjectReader();
  ObjectReader(ObjectReader&&) noexcept;
  ObjectReader& operator=(ObjectReader&&) noexcept;

  struct Trailer {
    std::uint64_t last_frame_offset = 0;
    std::uint32_t frame_count = 0;  // the last one included
  };
  Trailer parse_trailer(ByteView last_bytes, std::uint64_t object_size) const;
  // `stored`: exactly the frame's stored bytes. The plain bytes are valid until the context's next use, and
  // as long as `stored` is (a frame that is neither sealed nor compressed is seen where it lies).
  struct Frame {
    ByteView plain;
    Hash128 hash;
  };
  Frame open_frame(ByteView stored, std::uint32_t number, bool last);
  // The length of the frame that begins at `stored` (needs 4 bytes), for walking; nullopt when it is not a
  // possible length.
  static std::optional<std::uint32_t> stored_length(ByteView stored);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A whole object in memory: `plain` cut into frames, the rest in the footer's place left empty. And back, all
// checked.
Bytes encode_object(const Secrets& secrets, ObjectKind kind, std::string_view path, ByteView plain, int level,
                    FrameContext& context);
Bytes decode_object(const Secrets& secrets, ObjectKind kind, std::string_view path, ByteView stored,
                    FrameContext& context, std::uint64_t plain_limit_bytes = 1ULL << 30);

}  // namespace tidemark::codec
