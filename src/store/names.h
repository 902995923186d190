#pragma once
// What every store checks and says alike.

#include <cstdint>
#include <string_view>

#include "tidemark/error.h"

namespace tidemark::store {

void check_name(
    std::string_view name);  // Error internal: names are made by catalog/object_names, not by users
void check_prefix(std::string_view prefix);  // empty, or a valid name and '/'
Error beyond_the_end(std::string_view name, std::uint64_t size, std::uint64_t offset, std::uint64_t wanted);

}  // namespace tidemark::store
