#include "restore/server_place.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "disk/directory_walk.h"
#include "tidemark/error.h"

namespace tidemark::restore {

namespace {

namespace fs = std::filesystem;

constexpr int kDefaultPort = 5432;
constexpr std::string_view kHbaFile = "tidemark_hba.conf", kIdentFile = "tidemark_ident.conf";

// A port of the loopback interface: bound for a moment. 0 asks for any. nullopt: taken.
std::optional<int> try_port(int port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw errno_error(errno, "looking for a free port");
  const int reuse = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool free =
      ::bind(descriptor, generic, length) == 0 && ::getsockname(descriptor, generic, &length) == 0;
  ::close(descriptor);
  if (!free) return std::nullopt;
  return static_cast<int>(ntohs(address.sin_port));
}

bool port_free(const fs::path& socket_directory, int port) {
  return !disk::path_exists(socket_directory / fmt::format(".s.PGSQL.{}.lock", port)) &&
         try_port(port).has_value();
}

bool usable(const fs::path& folder, const Ownership& ownership) {
  const auto status = disk::status_following(folder);
  if (!folder.is_absolute() || !status || status->type != disk::EntryType::folder) return false;
  if (status->owner == ownership.user) return (status->mode & 0300) == 0300;
  return (status->mode & (status->group == ownership.group ? 0030 : 0003)) ==
         (status->group == ownership.group ? 0030 : 0003);
}

fs::path first_of_list(const std::string& list) {
  std::string first = list.substr(0, list.find(','));
  std::erase(first, '"');
  const auto begin = first.find_first_not_of(' ');
  return begin == std::string::npos ? std::string()
                                    : first.substr(begin, first.find_last_not_of(' ') - begin + 1);
}

fs::path choose_socket_directory(const WantedPlace& wanted, std::string_view configuration,
                                 const Ownership& ownership, disk::DurableOps& ops) {
  if (wanted.socket_directory) return *wanted.socket_directory;
  for (const fs::path& folder : {first_of_list(find_setting(configuration, "unix_socket_directories")),
                                 fs::path("/var/run/postgresql")}) {
    if (usable(folder, ownership)) return folder;
  }
  // Short: the path of a socket may have 107 bytes, which a data directory's may exceed.
  const std::string name = disk::temporary_name();
  const fs::path folder = fs::temp_directory_path() / ("tidemark-" + name.substr(name.size() - 8));
  ops.make_folder(folder, 0700);
  give(ops, folder, ownership);
  return folder;
}

Error refuse_port(int port) {
  return Error(ErrorKind::refused, fmt::format("port {} is taken", port))
      .code("port_taken")
      .hint("name another with --port, or leave it out to have a free one chosen");
}

int parse_port(const std::string& text) {
  int port = kDefaultPort;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

std::string our_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16384, '\0');
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return {};
  return entry.pw_name;
}

std::string hba_quoted(const std::string& name) {
  if (name.find_first_of("\"\n\r") != std::string::npos) {
    throw Error(ErrorKind::refused,
                fmt::format("a role's name with a quotation mark cannot be used here: {}", name));
  }
  return '"' + name + '"';
}

void write_owned(disk::DurableOps& ops, const fs::path& file, const std::string& text,
                 const Ownership& ownership) {
  disk::write_file_durably(ops, file, as_bytes(text));
  give(ops, file, ownership);
}

void link_over(disk::DurableOps& ops, const fs::path& target, const fs::path& link,
               const Ownership& ownership) {
  const fs::path making = link.parent_path() / disk::temporary_name();
  ops.make_symlink(target, making);
  give(ops, making, ownership);
  ops.rename_over(making, link);
}

}  // namespace

void refuse_taken_port(const WantedPlace& wanted) {
  if (!wanted.port) return;
  const bool free = wanted.socket_directory ? port_free(*wanted.socket_directory, *wanted.port)
                                            : try_port(*wanted.port).has_value();
  if (!free) throw refuse_port(*wanted.port);
}

ServerPlace choose_place(const WantedPlace& wanted, std::string_view configuration,
                         const Ownership& ownership, disk::DurableOps& ops) {
  ServerPlace place;
  place.socket_directory = choose_socket_directory(wanted, configuration, ownership, ops);
  place.port = wanted.port.value_or(parse_port(find_setting(configuration, "port")));
  if (!port_free(place.socket_directory, place.port)) {
    if (wanted.port) throw refuse_port(place.port);
    place.port = try_port(0).value_or(place.port);
    place.port_changed = true;
  }
  for (const std::string& role : wanted.roles) place.roles.push_back(role);
  for (const std::string& role : {std::string("postgres"), ownership.user_name}) {
    const bool known = std::find(place.roles.begin(), place.roles.end(), role) != place.roles.end();
    if (!role.empty() && !known) place.roles.push_back(role);
  }
  return place;
}

std::vector<Setting> place_settings(const ServerPlace& place) {
  return {{"port", std::to_string(place.port)}, {"unix_socket_directories", place.socket_directory.string()}};
}

std::vector<Setting> closed_door_settings(const fs::path& data_directory) {
  return {{"hba_file", (data_directory / kHbaFile).string()},
          {"ident_file", (data_directory / kIdentFile).string()}};
}

void write_closed_door(disk::DurableOps& ops, const fs::path& data_directory,
                       const std::vector<std::string>& roles, const Ownership& ownership) {
  const std::string heading =
      "# Written by tidemark restore; becomes a link to the real file when the check has passed.\n";
  write_owned(ops, data_directory / kHbaFile, heading + "local all all peer map=tidemark\n", ownership);
  std::string ident = heading;
  for (const std::string& user : {our_name(), ownership.user_name}) {
    for (const std::string& role : roles) {
      if (!user.empty()) ident += fmt::format("tidemark {} {}\n", hba_quoted(user), hba_quoted(role));
    }
  }
  write_owned(ops, data_directory / kIdentFile, ident, ownership);
}

void open_door(disk::DurableOps& ops, const fs::path& data_directory, const Ownership& ownership) {
  link_over(ops, "pg_hba.conf", data_directory / kHbaFile, ownership);
  link_over(ops, "pg_ident.conf", data_directory / kIdentFile, ownership);
}

}  // namespace tidemark::restore
