#include "disk/shadow_tree.h"

#include <algorithm>
#include <utility>

#include "disk/durable_ops.h"
#include "tidemark/error.h"

namespace tidemark::disk {

struct ShadowTree::Node {
  struct Range {
    std::uint64_t offset, length;
  };
  using Entries = std::map<std::string, NodePtr>;

  EntryType type = EntryType::folder;
  mode_t mode = 0700;
  std::string target;  // of a symbolic link
  std::optional<Bytes>
      durable;  // a file's bytes that would survive; nullopt: those it has, it was never touched
  std::vector<Range> unsynced;    // written since the last sync
  bool loaded = false;            // a folder whose entries are known; otherwise it is as it was
  Entries live, durable_entries;  // a folder's names: now, and after a power cut
};

namespace {

Path normal(const Path& path) {
  Path absolute = std::filesystem::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

ShadowTree::NodePtr node_of(const Path& path, const FileStatus& status) {
  auto node = std::make_shared<ShadowTree::Node>();
  node->type = status.type;
  node->mode = status.mode;
  node->target = read_link(path).value_or("");
  return node;
}

}  // namespace

ShadowTree::ShadowTree(Path root) : root_(normal(root)), tree_(std::make_shared<Node>()) {
  if (const auto status = status_of(root_)) tree_->mode = status->mode;
}
ShadowTree::~ShadowTree() = default;

std::optional<Path> ShadowTree::relative_to_root(const Path& path) const {
  Path relative = normal(path).lexically_relative(root_);
  if (relative.empty() || *relative.begin() == "..") return std::nullopt;
  return relative;
}

void ShadowTree::load(Node& folder, const Path& path) {
  if (!folder.loaded) {
    for (const FolderEntry& entry : list_folder_if_present(path)) {
      if (const auto status = status_of(path / entry.name))
        folder.live[entry.name] = node_of(path / entry.name, *status);
    }
    folder.durable_entries = folder.live;
    folder.loaded = true;
  }
}

ShadowTree::NodePtr ShadowTree::find_relative(const Path& relative) {
  NodePtr at = tree_;
  Path real = root_;
  for (const Path& part : relative) {
    if (part == ".") continue;
    if (at->type != EntryType::folder) return nullptr;
    load(*at, real);
    real /= part;
    const auto found = at->live.find(part.string());
    if (found != at->live.end()) {
      at = found->second;
    } else if (const auto status = status_of(real)) {  // made by somebody else
      const NodePtr node = node_of(real, *status);
      at->live[part.string()] = node;
      at->durable_entries[part.string()] = node;
      at = node;
    } else {
      return nullptr;
    }
  }
  return at;
}

ShadowTree::NodePtr ShadowTree::find(const Path& path) {
  const auto relative = relative_to_root(path);
  return relative ? find_relative(*relative) : nullptr;
}

ShadowTree::NodePtr ShadowTree::parent_of(const Path& path) {
  const Path full = normal(path);
  const NodePtr parent = find(full.parent_path());
  if (parent) load(*parent, full.parent_path());
  return parent;
}

void ShadowTree::made(const Path& path, EntryType type, mode_t mode) {
  const Path full = normal(path);
  const NodePtr parent = parent_of(full);
  if (!parent) return;
  auto node = std::make_shared<Node>();
  node->type = type;
  node->mode = mode;
  node->loaded = true;
  if (type == EntryType::file) node->durable.emplace();
  if (type == EntryType::symlink) node->target = read_link(full).value_or("");
  const std::string name = full.filename().string();
  parent->live[name] = node;
}

void ShadowTree::about_to_change(const NodePtr& node, const Path& path) {
  if (!node || node->type != EntryType::file || node->durable) return;
  node->durable = read_whole_file(path);
}

void ShadowTree::wrote(const NodePtr& node, std::uint64_t offset, std::uint64_t length) {
  if (node) node->unsynced.push_back({offset, length});
}

void ShadowTree::removed(const Path& path) {
  if (const NodePtr parent = parent_of(path)) parent->live.erase(normal(path).filename().string());
}

void ShadowTree::moved(const Path& from, const Path& to) {
  const NodePtr old_parent = parent_of(from);
  const NodePtr new_parent = parent_of(to);
  NodePtr node;
  if (old_parent) {
    auto handle = old_parent->live.extract(normal(from).filename().string());
    if (!handle.empty()) node = handle.mapped();
  }
  if (!new_parent) return;
  if (!node) {  // from outside of the root: as durable as what others make
    if (const auto status = status_of(to)) node = node_of(to, *status);
  }
  if (node) new_parent->live[normal(to).filename().string()] = node;
}

void ShadowTree::linked(const Path& from, const Path& to) {
  const NodePtr parent = parent_of(to);
  const NodePtr node = find(from);
  if (parent && node) parent->live[normal(to).filename().string()] = node;
}

void ShadowTree::synced(const NodePtr& node, const InputFile& file) {
  if (!node || !node->durable) return;
  const std::uint64_t size = file.size();
  node->durable->resize(size);
  for (const auto& range : node->unsynced) {
    if (range.offset >= size) continue;
    const std::uint64_t length = std::min(range.length, size - range.offset);
    file.read_at(range.offset, std::span(*node->durable).subspan(range.offset, length));
  }
  node->unsynced.clear();
}

void ShadowTree::sync_failed(const NodePtr& node) {
  if (node) node->unsynced.clear();
}

void ShadowTree::synced_folder(const Path& folder) {
  const NodePtr node = find(folder);
  if (!node || node->type != EntryType::folder) return;
  load(*node, normal(folder));
  node->durable_entries = node->live;
}

void ShadowTree::synced_everything() { sync_below(tree_, root_); }

void ShadowTree::sync_below(const NodePtr& node, const Path& path) {
  if (node->type == EntryType::file && node->durable) {
    if (const auto file = InputFile::open_if_present(path)) synced(node, *file);
  }
  for (const auto& [name, child] : node->live) sync_below(child, path / name);
  node->durable_entries = node->live;
}

void ShadowTree::places_below(const NodePtr& node, const Path& path, Places& places) const {
  places[node.get()] = path;
  for (const auto& [name, child] : node->live) places_below(child, path / name, places);
}

void ShadowTree::roll_back(bool keep_names) {
  load(*tree_, root_);
  // The old tree stands beside the new one while untouched files are moved over.
  Path aside = root_;
  aside += temporary_name();
  real_ops().rename_over(root_, aside);
  real_ops().make_folder(root_, tree_->mode);
  Places old, rebuilt;
  places_below(tree_, aside, old);
  rebuild(tree_, root_, keep_names, old, rebuilt);
  remove_tree(real_ops(), aside);
  const mode_t mode = tree_->mode;
  tree_ = std::make_shared<Node>();
  tree_->mode = mode;
}

void ShadowTree::rebuild(const NodePtr& folder, const Path& to, bool keep_names, const Places& old,
                         Places& made) {
  for (const auto& [name, node] : keep_names ? folder->live : folder->durable_entries) {
    const Path path = to / name;
    if (node->type == EntryType::file) {
      rebuild_file(node, path, old, made);
    } else if (node->type == EntryType::symlink) {
      real_ops().make_symlink(node->target, path);
    } else if (node->type == EntryType::folder && node->loaded) {
      real_ops().make_folder(path, node->mode);
      rebuild(node, path, keep_names, old, made);
    } else if (const auto at = old.find(node.get()); at != old.end() && path_exists(at->second)) {
      real_ops().rename_over(at->second, path);
    }
  }
}

void ShadowTree::rebuild_file(const NodePtr& file, const Path& to, const Places& old, Places& made) {
  if (const auto twin = made.find(file.get()); twin != made.end()) {
    real_ops().link_new(twin->second, to);
    return;
  }
  if (file->durable) {
    const auto output = real_ops().create_file(to, file->mode);
    output->append(*file->durable);
  } else {
    const auto at = old.find(file.get());
    if (at == old.end() || !path_exists(at->second)) return;  // removed behind our back
    real_ops().link_new(at->second, to);
  }
  made[file.get()] = to;
}

}  // namespace tidemark::disk
