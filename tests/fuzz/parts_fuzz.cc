// Parts from outside: the reader must refuse or return, never crash, and what it accepts must survive being
// written again.
#include <cstdlib>

#include "catalog/parts.h"
#include "tidemark/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark::catalog;
  std::vector<FileEntry> entries;
  try {
    PartReader reader({data, size});
    while (auto entry = reader.next()) entries.push_back(std::move(*entry));
  } catch (const tidemark::Error&) {
    return 0;
  }
  PartBuilder builder;
  for (const FileEntry& entry : entries) builder.add(entry);
  const tidemark::Bytes again = builder.finish();
  PartReader reader(again);
  for (const FileEntry& entry : entries) {
    if (reader.next() != entry) std::abort();
  }
  if (reader.next()) std::abort();
  return 0;
}
