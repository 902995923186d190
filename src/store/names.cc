#include "store/names.h"

#include <fmt/format.h>

#include "tidemark/object_store.h"

namespace tidemark::store {

void check_name(std::string_view name) {
  if (!object_name_valid(name))
    throw Error(ErrorKind::internal, fmt::format("'{}' is no valid object name", name));
}

void check_prefix(std::string_view prefix) {
  if (prefix.empty()) return;
  if (!prefix.ends_with('/') || !object_name_valid(prefix.substr(0, prefix.size() - 1))) {
    throw Error(ErrorKind::internal, fmt::format("'{}' is no folder of objects", prefix));
  }
}

Error beyond_the_end(std::string_view name, std::uint64_t size, std::uint64_t offset, std::uint64_t wanted) {
  return Error(ErrorKind::corrupt,
               fmt::format("object {} is shorter than expected: {} bytes wanted at byte {} of {}", name,
                           wanted, offset, size));
}

}  // namespace tidemark::store
