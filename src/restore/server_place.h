#pragma once
// How the restored server can be reached: socket folder, port, and who may come in while it recovers.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "disk/durable_ops.h"
#include "restore/recovery_settings.h"
#include "restore/target_directory.h"

namespace tidemark::restore {

struct ServerPlace {
  std::filesystem::path socket_directory;
  int port = 5432;
  bool port_changed = false;       // the configured one was taken
  std::vector<std::string> roles;  // database roles to try, most likely first
};

struct WantedPlace {
  std::optional<std::filesystem::path> socket_directory;
  std::optional<int> port;
  std::vector<std::string> roles;
};
// `configuration`: the restored settings, postgresql.conf then postgresql.auto.conf, as one text. A socket
// folder that does not exist here, or that the server's user may not write to, is replaced by one of our own
// (made here, private). Error refused: the port asked for is taken.
void refuse_taken_port(const WantedPlace& wanted);  // the first half of it, before anything is copied
ServerPlace choose_place(const WantedPlace& wanted, std::string_view configuration,
                         const Ownership& ownership, disk::DurableOps& ops);
std::vector<Setting> place_settings(const ServerPlace& place);

// While it recovers and until the check has passed, only we and the server's own user get in, by peer
// authentication on the socket. The server's hba_file and ident_file are names of ours; opening up makes them
// links to the real ones.
std::vector<Setting> closed_door_settings(const std::filesystem::path& data_directory);
void write_closed_door(disk::DurableOps& ops, const std::filesystem::path& data_directory,
                       const std::vector<std::string>& roles, const Ownership& ownership);
void open_door(disk::DurableOps& ops, const std::filesystem::path& data_directory,
               const Ownership& ownership);

}  // namespace tidemark::restore
