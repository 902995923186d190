#include "repository/layout.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "catalog/object_names.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

constexpr int kVersion = 1;

}  // namespace

Bytes render_layout(const Layout& layout) {
  const nlohmann::ordered_json json{{"program", "tidemark"},
                                    {"layout", kVersion},
                                    {"repository", layout.repository.to_string()},
                                    {"encrypted", layout.encrypted}};
  const std::string text = json.dump(2) + "\n";
  return {text.begin(), text.end()};
}

Layout parse_layout(ByteView content) {
  try {
    const auto json = nlohmann::json::parse(as_text(content));
    if (const auto version = json.at("layout").get<int>(); version > kVersion) {
      throw Error(ErrorKind::config,
                  fmt::format("the repository has layout {}, this program knows up to {}", version, kVersion))
          .code("newer_layout")
          .hint("use a newer tidemark with this repository");
    }
    const auto id = RepositoryId::parse(json.at("repository").get<std::string>());
    if (!id)
      throw Error(ErrorKind::corrupt, fmt::format("{} names no repository id", catalog::kRepositoryFile));
    return {*id, json.at("encrypted").get<bool>()};
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} cannot be read: {}", catalog::kRepositoryFile, error.what()));
  }
}

}  // namespace tidemark::repository
