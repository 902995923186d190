#pragma once
// The data directory, entry by entry, in strict bytewise order of the whole paths, with PostgreSQL's rules of
// what to copy applied at the moment an entry is reached. Holds one folder's names per level and nothing
// else, so that its memory does not grow with the cluster. One thread.

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catalog/manifest.h"
#include "catalog/parts.h"
#include "disk/directory_walk.h"

namespace tidemark::backup {

struct WalkItem {
  catalog::EntryKind kind = catalog::EntryKind::file;
  std::string path;              // relative, as in the manifest
  std::filesystem::path source;  // where it lies
  disk::FileStatus status;       // of what is copied: a followed link's target
  std::string link_target;       // symlink
};

class DataWalk {
 public:
  DataWalk(std::filesystem::path data_directory, int major, std::uint32_t catalog_version);
  std::optional<WalkItem> next();

 private:
  struct Event {
    std::string name;  // ends with '/' when it stands for what is in the folder
    bool operator<(const Event& other) const { return name < other.name; }
  };
  struct Level {
    std::string prefix;  // "" or "base/5/"
    std::filesystem::path folder;
    std::vector<Event> events;
    std::size_t at = 0;
    std::set<std::string> entered;  // folders whose content is to be walked when their '/' comes up
  };
  using Identity = std::pair<dev_t, ino_t>;

  void enter(const std::string& prefix, const std::filesystem::path& folder);
  std::optional<WalkItem> look(Level& level, const std::string& name);
  std::optional<WalkItem> look_at_folder(Level& level, const std::string& name, WalkItem item);
  std::optional<WalkItem> look_at_link(Level& level, const std::string& name, WalkItem item);
  void synthesise_wal_folders();
  bool is_unlogged(const std::string& path) const;
  void remember_tablespaces();

  std::filesystem::path root_;
  int major_;
  std::uint32_t catalog_version_;
  std::vector<Level> levels_;
  std::optional<WalkItem> wal_folder_;
  std::vector<WalkItem> synthesised_;      // handed out before the walk goes on, last first
  std::set<Identity> tablespace_folders_;  // targets of the links in pg_tblspc
};

// The tablespaces as pg_tblspc has them now. `in_place` ones are folders there.
std::vector<catalog::Tablespace> read_tablespaces(const std::filesystem::path& data_directory);

}  // namespace tidemark::backup
