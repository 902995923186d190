#pragma once
// The configuration as typed values: design.md "Configuration". Parsing touches no file; the caller brings
// the text.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/values.h"
#include "tidemark/instant.h"

namespace tidemark::config {

struct ClusterSettings {
  std::string name;
  std::string connection;  // may hold a password: never logged
  std::optional<std::string> data_directory;
  std::string slot;
  std::optional<std::string> timezone;
  Microseconds rpo{}, rto{};
  Microseconds full_every{};
  std::optional<DayWindow> backup_window;
  int jobs = 2;
};

struct RepositorySettings {
  std::string name;
  bool required = true;
  std::string posix_path;
  int compression_level = 1;
  std::optional<std::string> key_file;
};

struct ServiceSettings {
  Address listen;
  std::string spool;
};

struct Settings {
  std::vector<ClusterSettings> clusters;  // in the file's order
  std::vector<RepositorySettings> repositories;
  ServiceSettings service;
};

// Errors (kind config): "FILE:LINE: key: reason", with the nearest valid key as a hint.
Settings parse_settings(std::string_view yaml, std::string_view file_name);

// The cluster `wanted`, or the only one. Error usage naming the configured ones.
const ClusterSettings& choose_cluster(const Settings& settings, const std::optional<std::string>& wanted);
const RepositorySettings& choose_repository(const Settings& settings, const std::string& wanted);

}  // namespace tidemark::config
