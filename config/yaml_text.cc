#include "config/yaml_text.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::config {

namespace {

class YamlReader {
 public:
  explicit YamlReader(std::string_view file) : file_(file) {}

  TextSettings read(const YAML::Node& root) const {
    TextSettings settings;
    static constexpr std::string_view kTop[] = {"clusters", "repositories", "service"};
    if (!root.IsMap()) throw bad(root, "the file holds no settings", "begin with 'clusters:'");
    for (const auto& item : root) {
      const auto key = item.first.as<std::string>();
      if (key == "clusters") {
        read_clusters(item.second, settings);
      } else if (key == "repositories") {
        read_repositories(item.second, settings);
      } else if (key == "service") {
        settings.service.line = line(item.second);
        read_section(item.second, Scope::service, "", settings.service);
      } else {
        throw unknown_key(item.first, key, kTop);
      }
    }
    return settings;
  }

 private:
  static int line(const YAML::Node& node) { return node.Mark().line + 1; }

  Error bad(const YAML::Node& node, std::string_view reason, std::string hint) const {
    return Error(ErrorKind::config, fmt::format("{}:{}: {}", file_, line(node), reason))
        .hint(std::move(hint));
  }

  Error unknown_key(const YAML::Node& node, std::string_view key,
                    std::span<const std::string_view> known) const {
    const auto meant = nearest(key, known);
    std::string hint = meant ? fmt::format("did you mean '{}'?", *meant) : std::string();
    if (!meant) hint = fmt::format("valid here: {}", fmt::join(known, ", "));
    return Error(ErrorKind::config, fmt::format("{}:{}: unknown key '{}'", file_, line(node), key))
        .code("unknown_key")
        .hint(std::move(hint));
  }

  void read_clusters(const YAML::Node& node, TextSettings& settings) const {
    if (!node.IsMap())
      throw bad(node, "clusters: must name clusters", "write 'clusters:' and, below it, 'main:'");
    for (const auto& item : node) {
      TextSection section;
      section.name = item.first.as<std::string>();
      section.line = line(item.first);
      for (const auto& other : settings.clusters) {
        if (other.name == section.name) {
          throw bad(item.first, fmt::format("cluster '{}' stands twice", section.name),
                    "give each cluster one section");
        }
      }
      read_section(item.second, Scope::cluster, "", section);
      settings.clusters.push_back(std::move(section));
    }
  }

  void read_repositories(const YAML::Node& node, TextSettings& settings) const {
    if (!node.IsSequence())
      throw bad(node, "repositories: must be a list", "begin each repository with '- name:'");
    for (const auto& item : node) {
      TextSection section;
      section.line = line(item);
      read_section(item, Scope::repository, "", section);
      settings.repositories.push_back(std::move(section));
    }
  }

  // Keys at one level: the first parts of the table's dotted keys that begin with `prefix`.
  static std::vector<std::string_view> known_keys(Scope scope, std::string_view prefix) {
    std::vector<std::string_view> known;
    for (const Option& option : all_options()) {
      if (option.scope != scope || !option.key.starts_with(prefix)) continue;
      const std::string_view rest = option.key.substr(prefix.size());
      const std::string_view part = rest.substr(0, rest.find('.'));
      if (std::find(known.begin(), known.end(), part) == known.end()) known.push_back(part);
    }
    return known;
  }

  void read_section(const YAML::Node& node, Scope scope, const std::string& prefix, TextSection& into) const {
    if (node.IsNull()) return;
    if (!node.IsMap())
      throw bad(node, fmt::format("'{}' must hold keys", prefix), "write one 'key: value' a line");
    const auto known = known_keys(scope, prefix);
    for (const auto& item : node) {
      const auto part = item.first.as<std::string>();
      const std::string key = prefix + part;
      if (std::find(known.begin(), known.end(), part) == known.end())
        throw unknown_key(item.first, part, known);
      const bool is_leaf = find_option(scope, key) != nullptr;
      if (!is_leaf) {
        read_section(item.second, scope, key + ".", into);
      } else if (!item.second.IsScalar()) {
        throw bad(item.second, fmt::format("{}: must be a single value", key),
                  fmt::format("for example {}: {}", part, find_option(scope, key)->example));
      } else if (!into.values.emplace(key, TextValue{item.second.Scalar(), line(item.second)}).second) {
        throw bad(item.first, fmt::format("{} stands twice", key), "keep one of them");
      }
    }
  }

  std::string_view file_;
};

}  // namespace

TextSettings parse_yaml_text(std::string_view yaml, std::string_view file_name) {
  try {
    return YamlReader(file_name).read(YAML::Load(std::string(yaml)));
  } catch (const YAML::Exception& e) {
    throw Error(ErrorKind::config, fmt::format("{}:{}: {}", file_name, e.mark.line + 1, e.msg))
        .code("yaml_syntax")
        .hint("check indentation, colons and quotes near that line");
  }
}

}  // namespace tidemark::config
