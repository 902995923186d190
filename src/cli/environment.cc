#include "cli/environment.h"

#include <fmt/format.h>

#include <cstdlib>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "store/posix_store.h"
#include "store/retrying_store.h"
#include "tidemark/error.h"

namespace tidemark::cli {

namespace {

constexpr std::string_view kDefaultConfiguration = "/etc/tidemark/tidemark.yaml";
constexpr std::uint64_t kConfigurationLimitBytes = 1 << 20;
constexpr std::uint64_t kKeyFileLimitBytes = 64 * 1024;

std::string configuration_path(const CommandLine& line) {
  if (const auto given = line.find("config")) return *given;
  const char* from_environment = std::getenv("TIDEMARK_CONFIG");
  if (from_environment != nullptr && *from_environment != '\0') return from_environment;
  return std::string(kDefaultConfiguration);
}

config::Settings read_settings(const std::string& path) {
  const auto content = disk::read_whole_file_if_present(path, kConfigurationLimitBytes);
  if (!content) {
    throw Error(ErrorKind::config, fmt::format("there is no configuration file at {}", path))
        .code("no_configuration")
        .hint("give --config FILE or set TIDEMARK_CONFIG; config/tidemark.example.yaml is a start");
  }
  return config::parse_settings(as_text(*content), path);
}

// A key that anybody can read protects nothing.
std::optional<Bytes> read_key_file(const config::RepositorySettings& settings) {
  if (!settings.key_file) return std::nullopt;
  const auto content = disk::read_whole_file_if_present(*settings.key_file, kKeyFileLimitBytes);
  if (!content) {
    throw Error(ErrorKind::config, fmt::format("the key file {} of repository {} does not exist",
                                               *settings.key_file, settings.name))
        .code("no_key_file")
        .hint(fmt::format(
            "for a new repository create one: (umask 077; head -c 32 /dev/urandom > {0}), and keep a copy "
            "elsewhere: without it nothing can be restored",
            *settings.key_file));
  }
  if ((disk::status_following(*settings.key_file)->mode & 0007) != 0) {
    throw Error(ErrorKind::config,
                fmt::format("the key file {} can be read by everybody", *settings.key_file))
        .code("key_file_exposed")
        .hint(fmt::format("chmod 600 {}", *settings.key_file));
  }
  return content;
}

repository::RepositoryOptions repository_options(const config::RepositorySettings& settings) {
  repository::RepositoryOptions options;
  options.name = settings.name;
  options.required = settings.required;
  options.key_file = read_key_file(settings);
  options.compression_level = settings.compression_level;
  return options;
}

std::shared_ptr<ObjectStore> open_store(const config::RepositorySettings& settings, Patience patience,
                                        const StopToken& stop) {
  store::RetryLimits limits;
  if (patience == Patience::short_look) {
    limits.first_wait = std::chrono::milliseconds(50);
    limits.give_up_after = std::chrono::seconds(2);
  }
  return store::make_retrying_store(store::open_posix_store(settings.posix_path, disk::real_ops()),
                                    system_clock(), stop, limits);
}

}  // namespace

Environment::Environment(CommandLine line, StopToken stop)
    : line_(std::move(line)),
      stop_(std::move(stop)),
      configuration_file_(configuration_path(line_)),
      settings_(read_settings(configuration_file_)) {}

const config::ClusterSettings& Environment::cluster() const {
  return config::choose_cluster(settings_, line_.find("cluster"));
}

std::vector<const config::ClusterSettings*> Environment::clusters() const {
  if (line_.has("cluster")) return {&cluster()};
  std::vector<const config::ClusterSettings*> all;
  for (const auto& one : settings_.clusters) all.push_back(&one);
  return all;
}

std::vector<config::RepositorySettings> Environment::chosen_repositories() const {
  if (const auto wanted = line_.find("repository")) return {config::choose_repository(settings_, *wanted)};
  return settings_.repositories;
}

std::shared_ptr<repository::Repository> Environment::open_repository(
    const config::RepositorySettings& settings, Patience patience) const {
  return repository::Repository::open(open_store(settings, patience, stop_), repository_options(settings));
}

std::shared_ptr<repository::Repository> Environment::create_repository(
    const config::RepositorySettings& settings) const {
  return repository::Repository::create(open_store(settings, Patience::short_look, stop_),
                                        repository_options(settings));
}

std::vector<monitor::ConfiguredRepository> Environment::open_for_report() const {
  std::vector<monitor::ConfiguredRepository> repositories;
  for (const auto& settings : chosen_repositories()) {
    monitor::ConfiguredRepository one{settings.name, "posix:" + settings.posix_path, settings.required,
                                      nullptr, ""};
    try {
      one.opened = open_repository(settings, Patience::short_look);
    } catch (const Error& error) {
      one.error = error.what();
    }
    repositories.push_back(std::move(one));
  }
  return repositories;
}

postgres::ConnectionOptions connection_of(const config::ClusterSettings& cluster) {
  postgres::ConnectionOptions options;
  options.connection_string = cluster.connection;
  return options;
}

}  // namespace tidemark::cli
