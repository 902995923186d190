#pragma once
// Inside the harness: fresh data directories without the second that initdb takes.

#include <filesystem>
#include <optional>
#include <string>

#include "harness/postgres_cluster.h"

namespace tidemark::test {

// A new data directory at `target`, owned by the server's user, with a system identifier nobody else has.
void make_data_directory(const ClusterOptions& options, const std::filesystem::path& target);

// Runs a program as the server's user; Error internal with its output when it fails.
std::string run_as_server_user(const std::string& program, const std::vector<std::string>& arguments,
                               const std::vector<std::pair<std::string, std::string>>& environment = {});

// Gives a file or folder (not what is in it) to the server's user.
void give_to_server_user(const std::filesystem::path& path);

}  // namespace tidemark::test
