// Arbitrary bytes as a WAL index: an Error of kind corrupt, or an index that serializes to itself.

#include <cstdlib>

#include "tidemark/error.h"
#include "wal/index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark;
  try {
    const wal::WalIndex index = wal::WalIndex::parse(ByteView(data, size));
    if (wal::WalIndex::parse(index.serialize()) != index) std::abort();
    wal::WalIndex joined = index;
    wal::WalIndex next = index;
    next.start = index.end;
    joined.append(next);
    if (joined.ends.size() != 2 * index.ends.size()) std::abort();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) std::abort();
  }
  return 0;
}
