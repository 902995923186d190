#pragma once
// What of a folder's tree would survive a power cut: part of fault_ops.h, for tests. It is told of each
// change and each sync, and can put the real folder back to what was guaranteed. The model is the strict one
// of POSIX: a file's bytes last from its sync on, a name (new, moved or removed) from the sync of its folder
// on, nothing sooner. What changed behind its back, by others, counts as durable. Not thread-safe; fault_ops
// holds a mutex.

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "tidemark/bytes.h"

namespace tidemark::disk {

class ShadowTree {
 public:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;

  explicit ShadowTree(Path root);
  ~ShadowTree();

  // nullptr: outside of the root, or absent. Not following symbolic links.
  NodePtr find(const Path& path);

  // File, folder or symbolic link, after the fact; find(path) must have been called before it, so that the
  // parent's entries were read while the new one was not among them.
  void made(const Path& path, EntryType type, mode_t mode);
  // Before anything that alters a file's bytes or takes away a name: remembers the bytes while they are
  // there.
  void about_to_change(const NodePtr& node, const Path& path);
  void wrote(const NodePtr& node, std::uint64_t offset, std::uint64_t length);
  void removed(const Path& path);
  void moved(const Path& from, const Path& to);
  void linked(const Path& from, const Path& to);

  void synced(const NodePtr& node, const InputFile& file);
  void sync_failed(
      const NodePtr& node);  // the kernel then calls the pages clean: a later sync does not save them
  void synced_folder(const Path& folder);
  void synced_everything();

  // Puts the real folder back. With `keep_names` only bytes are lost: the file system had written its folders
  // already.
  void roll_back(bool keep_names);

 private:
  using Places = std::map<const Node*, Path>;
  void load(Node& folder, const Path& path);
  NodePtr find_relative(const Path& relative);
  std::optional<Path> relative_to_root(const Path& path) const;
  NodePtr parent_of(const Path& path);
  void sync_below(const NodePtr& node, const Path& path);
  void places_below(const NodePtr& node, const Path& path, Places& places) const;
  void rebuild(const NodePtr& folder, const Path& to, bool keep_names, const Places& old, Places& made);
  void rebuild_file(const NodePtr& file, const Path& to, const Places& old, Places& made);

  Path root_;
  NodePtr tree_;
};

}  // namespace tidemark::disk
