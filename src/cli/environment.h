#pragma once
// What every command starts from: the command line, the configuration, and how to open what it names.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "config/settings.h"
#include "disk/durable_ops.h"
#include "monitor/gather.h"
#include "postgres/connection.h"
#include "repository/repository.h"
#include "tidemark/clock.h"
#include "tidemark/stop.h"

namespace tidemark::cli {

// How long a command goes on trying a store that does not answer.
enum class Patience { short_look, long_work };

class Environment {
 public:
  // Reads and checks the configuration. Errors config, usage.
  Environment(CommandLine line, StopToken stop);

  const CommandLine& line() const { return line_; }
  const config::Settings& settings() const { return settings_; }
  const config::ClusterSettings& cluster() const;                // the chosen one
  std::vector<const config::ClusterSettings*> clusters() const;  // the chosen one, or all
  const std::string& configuration_file() const { return configuration_file_; }
  const StopToken& stop() const { return stop_; }
  disk::DurableOps& ops() const { return disk::real_ops(); }
  Clock& clock() const { return system_clock(); }
  bool json() const { return line_.has("json"); }

  // The repositories to use: all, or the one that --repository names.
  std::vector<config::RepositorySettings> chosen_repositories() const;
  std::shared_ptr<repository::Repository> open_repository(const config::RepositorySettings& settings,
                                                          Patience patience) const;
  std::shared_ptr<repository::Repository> create_repository(const config::RepositorySettings& settings) const;
  // For reports: what cannot be opened is kept with its error.
  std::vector<monitor::ConfiguredRepository> open_for_report() const;

 private:
  CommandLine line_;
  StopToken stop_;
  std::string configuration_file_;
  config::Settings settings_;
};

postgres::ConnectionOptions connection_of(const config::ClusterSettings& cluster);

}  // namespace tidemark::cli
