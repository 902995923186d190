// Bytes that claim to be an object: read whole and frame by frame, they are refused or give what was stored,
// and never more than their lengths allow. The first byte chooses encryption and whether checksums are made
// right, so that the code behind them is reached.
#include <array>
#include <cstdint>
#include <cstdlib>

#include "codec/object.h"
#include "tidemark/error.h"

namespace {

using namespace tidemark;

constexpr const char* kPath =
    "clusters/main/15-7123456789012345678/marks/20261122T030456.000000Z-pin-0a0b0c0d";

codec::Secrets secrets(bool encrypted) {
  std::array<Byte, 16> id{};
  id.fill(7);
  const Bytes key(32, 8);
  return encrypted ? codec::Secrets::with_key(RepositoryId(id), codec::SecretBytes(key))
                   : codec::Secrets::unencrypted(RepositoryId(id));
}

// An object whose frames are the input's, behind a header that is good.
Bytes with_good_header(const codec::Secrets& all, ByteView frames, codec::FrameContext& context) {
  codec::ObjectWriter writer(all, codec::ObjectKind::mark, kPath, 1, context);
  Bytes object = writer.take();
  object.insert(object.end(), frames.begin(), frames.end());
  return object;
}

// Changes a good object at the places that the input names.
Bytes changed(const codec::Secrets& all, ByteView input, codec::FrameContext& context) {
  Bytes object = codec::encode_object(all, codec::ObjectKind::mark, kPath, input, 1, context);
  for (std::size_t i = 0; i + 3 <= input.size() && i < 30; i += 3) {
    const std::size_t at = (input[i] | static_cast<std::size_t>(input[i + 1]) << 8) % object.size();
    object[at] ^= input[i + 2];
  }
  return object;
}

void walk(const codec::Secrets& all, ByteView object, codec::FrameContext& context) {
  try {
    codec::ObjectReader reader(all, codec::ObjectKind::mark, kPath, object, context);
    std::size_t at = codec::kHeaderBytes;
    for (std::uint32_t number = 0; at < object.size(); ++number) {
      const auto length = codec::ObjectReader::stored_length(object.subspan(at));
      if (!length || *length > object.size() - at) return;
      if (reader.open_frame(object.subspan(at, *length), number, false).plain.size() >
          codec::kFramePlainLimit)
        abort();
      at += *length;
    }
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static codec::FrameContext context;
  const codec::Secrets all = secrets((data[0] & 1) != 0);
  const ByteView input(data + 1, size - 1);
  Bytes object(input.begin(), input.end());
  if ((data[0] & 2) != 0) object = with_good_header(all, input, context);
  if ((data[0] & 4) != 0) object = changed(all, input, context);
  walk(all, object, context);
  try {
    constexpr std::uint64_t kLimit = 4U << 20;
    if (codec::decode_object(all, codec::ObjectKind::mark, kPath, object, context, kLimit).size() > kLimit)
      abort();
  } catch (const Error&) {
  }
  return 0;
}
