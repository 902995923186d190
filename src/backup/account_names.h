#pragma once
// Names of users and groups: a backup may be restored on a host that numbers them differently. Any thread;
// remembers what it was asked.

#include <sys/types.h>

#include <string>

namespace tidemark::backup {

std::string user_name(uid_t user);    // empty when the host knows none
std::string group_name(gid_t group);  // the same

}  // namespace tidemark::backup
