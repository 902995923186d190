// Checkpoints from outside: refused or read; what is accepted must serve every question that the catalog asks
// of it.
#include <cstdlib>

#include "catalog/checkpoint.h"
#include "catalog/mark.h"
#include "catalog/retention.h"
#include "tidemark/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark::catalog;
  const tidemark::ByteView bytes(data, size);
  try {
    const Checkpoint checkpoint = Checkpoint::parse(bytes);
    const tidemark::Bytes again = checkpoint.serialize();
    if (Checkpoint::parse(again).serialize() != again) std::abort();
    recovery_windows(checkpoint.inventory);
    gaps(checkpoint.inventory);
    backup_due(checkpoint.inventory, {}, checkpoint.time);
  } catch (const tidemark::Error& error) {
    if (error.kind() != tidemark::ErrorKind::corrupt) std::abort();
  }
  try {
    IdleProof::parse(bytes);
  } catch (const tidemark::Error&) {
  }
  return 0;
}
