#include "backup/account_names.h"

#include <grp.h>
#include <pwd.h>

#include <map>
#include <mutex>
#include <vector>

namespace tidemark::backup {

namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;  // a group with thousands of members fits

template <typename Id>
class Remembered {
 public:
  template <typename Ask>
  std::string get(Id id, Ask ask) {
    const std::lock_guard lock(mutex_);
    const auto known = names_.find(id);
    if (known != names_.end()) return known->second;
    return names_[id] = ask(id);
  }

 private:
  std::mutex mutex_;  // guards names_
  std::map<Id, std::string> names_;
};

}  // namespace

std::string user_name(uid_t user) {
  static Remembered<uid_t> remembered;
  return remembered.get(user, [](uid_t id) {
    std::vector<char> buffer(kBufferBytes);
    passwd entry{}, *found = nullptr;
    const int failed = ::getpwuid_r(id, &entry, buffer.data(), buffer.size(), &found);
    return failed == 0 && found != nullptr ? std::string(found->pw_name) : std::string();
  });
}

std::string group_name(gid_t group) {
  static Remembered<gid_t> remembered;
  return remembered.get(group, [](gid_t id) {
    std::vector<char> buffer(kBufferBytes);
    ::group entry{}, *found = nullptr;
    const int failed = ::getgrgid_r(id, &entry, buffer.data(), buffer.size(), &found);
    return failed == 0 && found != nullptr ? std::string(found->gr_name) : std::string();
  });
}

}  // namespace tidemark::backup
