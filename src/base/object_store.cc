#include "tidemark/object_store.h"

#include <fmt/format.h>

#include "tidemark/error.h"

namespace tidemark {

namespace {

bool part_valid(std::string_view part) {
  if (part.empty() || part == "." || part == "..") return false;
  for (const char c : part) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '.' && c != '_' && c != '=' && c != '-') return false;
  }
  return true;
}

}  // namespace

bool object_name_valid(std::string_view name) {
  if (name.size() > 1000) return false;
  for (;;) {
    const auto slash = name.find('/');
    if (!part_valid(name.substr(0, slash))) return false;
    if (slash == name.npos) return true;
    name.remove_prefix(slash + 1);
  }
}

std::optional<Bytes> ObjectStore::get(std::string_view name, std::uint64_t limit_bytes) const {
  const auto source = open(name);
  if (!source) return std::nullopt;
  if (source->size() > limit_bytes) {
    throw Error(ErrorKind::corrupt, fmt::format("object {} of {} has {} bytes, more than the {} it may have",
                                                name, describe(), source->size(), limit_bytes));
  }
  Bytes content(source->size());
  source->read_at(0, content);
  return content;
}

}  // namespace tidemark
