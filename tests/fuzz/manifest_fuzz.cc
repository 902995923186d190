// Manifests from outside: refused or read, and what is accepted reads the same after being written again.
#include <cstdlib>

#include "catalog/manifest.h"
#include "catalog/names.h"
#include "tidemark/error.h"

namespace {

template <typename Value>
void round_trip(tidemark::ByteView bytes) {
  try {
    const Value value = Value::parse(bytes);
    if (Value::parse(value.serialize()) != value) std::abort();
  } catch (const tidemark::Error& error) {
    if (error.kind() != tidemark::ErrorKind::corrupt) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tidemark::ByteView bytes(data, size);
  round_trip<tidemark::catalog::Manifest>(bytes);
  round_trip<tidemark::catalog::Begun>(bytes);
  round_trip<tidemark::catalog::RememberedNames>(bytes);
  try {
    tidemark::catalog::Manifest::parse_header(bytes);
  } catch (const tidemark::Error&) {
  }
  return 0;
}
