// wal fetch, PostgreSQL's restore_command, and wal prefetch, which it starts behind itself.
#include <fmt/format.h>
#include <signal.h>

#include <filesystem>

#include "cli/commands.h"
#include "disk/directory_walk.h"
#include "postgres/spawn.h"
#include "repository/wal_archive.h"
#include "restore/wal_fetch.h"
#include "tidemark/error.h"

namespace tidemark::cli {

namespace {

constexpr auto kPrefetcherIdle = std::chrono::minutes(10);

std::shared_ptr<repository::WalArchive> open_archive(const Environment& environment,
                                                     const config::RepositorySettings& settings,
                                                     const std::optional<restore::RestoreState>& state) {
  auto repository = environment.open_repository(settings, Patience::long_work);
  if (state)
    return std::make_shared<repository::WalArchive>(repository, state->incarnation, state->segment_size);
  const auto incarnations = repository->incarnations(environment.cluster().name);
  if (incarnations.empty()) return nullptr;
  const auto identity = repository::newest_identity(*repository, incarnations.back());
  const auto size = identity ? wal::SegmentSize::from_bytes(identity->segment_bytes) : std::nullopt;
  if (!size)
    throw Error(ErrorKind::corrupt,
                fmt::format("repository {} does not tell the WAL segment size", settings.name));
  return std::make_shared<repository::WalArchive>(repository, incarnations.back(), *size);
}

// A repository that does not open is passed over while another one does; with none, the server must stop.
std::unique_ptr<restore::WalFiles> open_files(const CommandLine& line, const StopToken& stop,
                                              const std::optional<restore::RestoreState>& state) {
  const Environment environment(line, stop);
  std::vector<std::shared_ptr<repository::WalArchive>> archives;
  std::string reasons;
  for (const auto& settings : environment.chosen_repositories()) {
    try {
      if (auto archive = open_archive(environment, settings, state)) archives.push_back(std::move(archive));
    } catch (const Error& error) {
      reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", settings.name, error.what());
    }
  }
  if (archives.empty()) {
    throw Error(ErrorKind::unavailable, fmt::format("WAL can be fetched from no repository ({})", reasons))
        .code("no_repository_readable")
        .hint("check that this user may read the repositories and their key files");
  }
  return std::make_unique<restore::WalFiles>(std::move(archives), state);
}

void start_prefetcher(const CommandLine& line, const std::filesystem::path& data_directory) {
  postgres::SpawnOptions options;
  options.program = disk::read_link("/proc/self/exe").value();
  for (const char* name : {"config", "cluster", "repository"}) {
    if (const auto value = line.find(name))
      options.arguments.insert(options.arguments.end(), {fmt::format("--{}", name), *value});
  }
  options.arguments.insert(options.arguments.end(), {"wal", "prefetch", data_directory.string()});
  options.environment = postgres::inherited_environment({});
  options.working_directory = data_directory;
  options.new_session = true;
  postgres::spawn(options);
}

}  // namespace

int run_wal_fetch(const CommandLine& line, const StopToken& stop) {
  restore::FetchRequest request;
  request.name = line.arguments.at(0);
  request.destination = line.arguments.at(1);
  request.data_directory = std::filesystem::current_path();
  request.open_files = [&](const std::optional<restore::RestoreState>& state) {
    return open_files(line, stop, state);
  };
  request.start_prefetcher = [&] { start_prefetcher(line, request.data_directory); };
  return static_cast<int>(restore::fetch_wal(request, disk::real_ops(), stop));
}

int run_wal_prefetch(const CommandLine& line, const StopToken& stop) {
  const auto open = [&](const std::optional<restore::RestoreState>& state) {
    return open_files(line, stop, state);
  };
  restore::serve_wal(line.arguments.at(0), open,
                     std::chrono::duration_cast<std::chrono::seconds>(kPrefetcherIdle), disk::real_ops(),
                     stop);
  return 0;
}

}  // namespace tidemark::cli
