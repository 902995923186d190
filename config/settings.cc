#include "config/settings.h"

#include <fmt/format.h>

#include <set>

#include "config/moment.h"
#include "config/yaml_text.h"
#include "tidemark/error.h"

namespace tidemark::config {

namespace {

// One section of the file with the table's defaults behind it; every getter names file, line and key when it
// throws.
class SectionReader {
 public:
  SectionReader(const TextSection& section, Scope scope, std::string_view file, std::string where)
      : section_(section), scope_(scope), file_(file), where_(std::move(where)) {}

  // `convert`: text and option into the value. nullopt: neither set nor defaulted.
  template <typename Convert>
  auto find(std::string_view key, Convert convert) const
      -> std::optional<decltype(convert(std::string_view(), std::declval<const Option&>()))> {
    const Option* option = find_option(scope_, key);
    TIDEMARK_CHECK(option != nullptr);
    const auto given = section_.values.find(key);
    if (given == section_.values.end()) {
      if (option->required) throw missing(*option);
      if (option->default_value.empty()) return std::nullopt;
      return convert(option->default_value, *option);
    }
    try {
      if (given->second.text.empty()) {
        throw Error(ErrorKind::config, "is empty")
            .hint(fmt::format("for example {}: {}", key, option->example));
      }
      return convert(given->second.text, *option);
    } catch (Error& error) {
      throw Error(ErrorKind::config,
                  fmt::format("{}:{}: {}{}: {}", file_, given->second.line, where_, key, error.message()))
          .hint(error.hint());
    }
  }

  std::optional<std::string> text(std::string_view key) const {
    return find(key, [](std::string_view value, const Option&) { return std::string(value); });
  }
  std::optional<std::string> absolute_path(std::string_view key) const {
    return find(key, [](std::string_view value, const Option&) {
      if (value.front() != '/') {
        throw Error(ErrorKind::config, fmt::format("'{}' is not an absolute path", value))
            .hint("begin it with '/'");
      }
      return std::string(value);
    });
  }
  Microseconds duration(std::string_view key) const {
    return *find(key,
                 [](std::string_view value, const Option& option) { return parse_duration(value, option); });
  }

 private:
  Error missing(const Option& option) const {
    return Error(ErrorKind::config,
                 fmt::format("{}:{}: {}{} is missing", file_, section_.line, where_, option.key))
        .code("missing_key")
        .hint(fmt::format("{} For example {}: {}", option.sentence, option.key, option.example));
  }

  const TextSection& section_;
  Scope scope_;
  std::string_view file_;
  std::string where_;
};

std::string valid_name(std::string_view name, const Option&) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view kRest = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  if (name.empty() || name.size() > 63 || kFirst.find(name[0]) == kFirst.npos ||
      name.find_first_not_of(kRest) != name.npos) {
    throw Error(ErrorKind::config, fmt::format("'{}' is not a name", name))
        .hint("use lower-case letters, digits, '_' and '-', at most 63, beginning with a letter or digit");
  }
  return std::string(name);
}

ClusterSettings read_cluster(const TextSection& section, std::string_view file) {
  const SectionReader in(section, Scope::cluster, file, fmt::format("clusters.{}.", section.name));
  ClusterSettings cluster;
  try {
    cluster.name = valid_name(section.name, {});
  } catch (Error& error) {
    throw Error(ErrorKind::config, fmt::format("{}:{}: clusters: {}", file, section.line, error.message()))
        .hint(error.hint());
  }
  cluster.connection = *in.text("connection");
  cluster.data_directory = in.absolute_path("data_directory");
  cluster.slot = *in.find("slot", [](std::string_view value, const Option&) {
    if (value.size() > 63 || value.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != value.npos) {
      throw Error(ErrorKind::config, fmt::format("'{}' is not a slot name", value))
          .hint("use lower-case letters, digits and '_', at most 63");
    }
    return std::string(value);
  });
  cluster.timezone = in.find("timezone", [](std::string_view value, const Option&) {
    check_timezone(value);
    return std::string(value);
  });
  cluster.rpo = in.duration("objectives.rpo");
  cluster.rto = in.duration("objectives.rto");
  cluster.full_every = in.duration("backup.full_every");
  cluster.backup_window =
      in.find("backup.window", [](std::string_view value, const Option&) { return parse_day_window(value); });
  cluster.jobs = static_cast<int>(*in.find("backup.jobs", parse_integer));
  return cluster;
}

RepositorySettings read_repository(const TextSection& section, std::string_view file) {
  const SectionReader in(section, Scope::repository, file, "repositories.");
  RepositorySettings repository;
  repository.name = *in.find("name", valid_name);
  repository.required =
      *in.find("required", [](std::string_view value, const Option&) { return parse_boolean(value); });
  repository.posix_path = *in.absolute_path("posix.path");
  repository.compression_level =
      *in.find("compression", [](std::string_view value, const Option&) { return parse_compression(value); });
  repository.key_file = in.absolute_path("encryption.key_file");
  return repository;
}

void check_combination(const Settings& settings, std::string_view file) {
  const auto bad = [&](std::string message, std::string hint) {
    return Error(ErrorKind::config, fmt::format("{}: {}", file, message)).hint(std::move(hint));
  };
  if (settings.clusters.empty())
    throw bad("no cluster is configured", "add 'clusters:' with a 'main:' below it");
  if (settings.repositories.empty()) {
    throw bad("no repository is configured",
              "add 'repositories:' with '- name: local' and 'posix: { path: ... }'");
  }
  std::set<std::string> names, paths, slots;
  bool any_required = false;
  for (const auto& repository : settings.repositories) {
    any_required = any_required || repository.required;
    if (!names.insert(repository.name).second) {
      throw bad(fmt::format("two repositories are named '{}'", repository.name),
                "give each a name of its own");
    }
    if (!paths.insert(repository.posix_path).second) {
      throw bad(fmt::format("two repositories lie at {}", repository.posix_path),
                "give each a directory of its own");
    }
  }
  if (!any_required) {
    throw bad("no repository is required, so nothing would ever count as safe",
              "set 'required: true' on one of them");
  }
}

}  // namespace

Settings parse_settings(std::string_view yaml, std::string_view file_name) {
  const TextSettings text = parse_yaml_text(yaml, file_name);
  Settings settings;
  for (const auto& section : text.clusters) settings.clusters.push_back(read_cluster(section, file_name));
  for (const auto& section : text.repositories)
    settings.repositories.push_back(read_repository(section, file_name));
  const SectionReader service(text.service, Scope::service, file_name, "service.");
  settings.service.listen =
      *service.find("listen", [](std::string_view value, const Option&) { return parse_address(value); });
  settings.service.spool = *service.absolute_path("spool");
  check_combination(settings, file_name);
  return settings;
}

namespace {

template <typename Items>
std::string names_of(const Items& items) {
  std::string names;
  for (const auto& item : items) names += (names.empty() ? "" : ", ") + item.name;
  return names;
}

}  // namespace

const ClusterSettings& choose_cluster(const Settings& settings, const std::optional<std::string>& wanted) {
  if (!wanted && settings.clusters.size() == 1) return settings.clusters.front();
  for (const auto& cluster : settings.clusters) {
    if (wanted && cluster.name == *wanted) return cluster;
  }
  throw Error(ErrorKind::usage, wanted ? fmt::format("there is no cluster '{}'", *wanted)
                                       : std::string("several clusters are configured"))
      .hint(fmt::format("name one with --cluster: {}", names_of(settings.clusters)));
}

const RepositorySettings& choose_repository(const Settings& settings, const std::string& wanted) {
  for (const auto& repository : settings.repositories) {
    if (repository.name == wanted) return repository;
  }
  throw Error(ErrorKind::usage, fmt::format("there is no repository '{}'", wanted))
      .hint(fmt::format("configured are: {}", names_of(settings.repositories)));
}

}  // namespace tidemark::config
