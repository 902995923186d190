#include "restore/copy_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>

#include "catalog/parts.h"
#include "disk/directory_walk.h"
#include "flow/bounded_queue.h"
#include "flow/worker_group.h"
#include "tidemark/error.h"

namespace tidemark::restore {

namespace {

namespace fs = std::filesystem;
using catalog::Extent;
using catalog::FileEntry;

// Extents a work item holds: enough that opening a file anew for each slice costs nothing, few enough that
// one large file keeps all workers busy.
constexpr std::size_t kSliceExtents = 16;
constexpr std::uint64_t kWritebackBytes = 8ULL << 20;

// Work for one worker: some extents of a file. A small file comes whole and is created by its worker.
struct Slice {
  fs::path to;
  mode_t mode = 0;
  std::uint64_t size_bytes = 0;  // of the whole file
  bool whole = false;
  std::uint64_t offset = 0;
  std::vector<Extent> extents;
};

// Never taken from a backup: written by us, or poison for the restored server.
bool is_ours(std::string_view path) {
  constexpr std::array<std::string_view, 10> kOwn = {
      "backup_label",  "tablespace_map", "recovery.signal", "standby.signal", "recovery.conf",
      "recovery.done", "postmaster.pid", "postmaster.opts", kControlFile,     kUnfinishedMarker};
  constexpr std::array<std::string_view, 3> kOwnToo = {kStateFile, kReceiptFile, kServerLog};
  return std::find(kOwn.begin(), kOwn.end(), path) != kOwn.end() ||
         std::find(kOwnToo.begin(), kOwnToo.end(), path) != kOwnToo.end();
}

void check_path(const std::string& path) {
  for (const fs::path& part : fs::path(path)) {
    if (part == ".." || part == "/") {
      throw Error(ErrorKind::corrupt,
                  fmt::format("the backup names a path that leaves the data directory: {}", path));
    }
  }
}

class Writer {
 public:
  Writer(const CopyRequest& request, const Ownership& ownership, disk::DurableOps& ops, Progress& progress)
      : ownership_(ownership),
        ops_(ops),
        progress_(progress),
        extents_(request.repository, request.incarnation, request.manifest->owners) {}

  void write(const Slice& slice, const StopToken& stop) {
    const auto file = slice.whole ? ops_.create_file(slice.to, slice.mode) : ops_.open_file(slice.to);
    std::uint64_t at = slice.offset, end = slice.offset, started = slice.offset;
    for (const Extent& extent : slice.extents) {
      stop.throw_if_stopped();
      if (!extent.zero) {
        const ByteView plain = extents_.read(extent);
        if (plain.size() != extent.plain_bytes) {
          throw Error(ErrorKind::corrupt, fmt::format("an extent of {} has {} bytes, its part says {}",
                                                      slice.to.string(), plain.size(), extent.plain_bytes));
        }
        file->write_at(at, plain);
        end = at + plain.size();
      }
      at += extent.plain_bytes;
      if (end >= started + kWritebackBytes) {
        file->start_writeback(started, end - started);
        started = end;
      }
      progress_.advance(extent.plain_bytes);
    }
    if (slice.whole && end < slice.size_bytes) file->truncate(slice.size_bytes);
    if (end > started && !slice.whole) file->start_writeback(started, end - started);
    file->close();
    if (slice.whole) give(ops_, slice.to, ownership_);
  }

 private:
  const Ownership& ownership_;
  disk::DurableOps& ops_;
  Progress& progress_;
  repository::ExtentReader extents_;
};

// Reads parts in order and hands out slices; makes folders, links and large files itself.
class PartsWalk {
 public:
  PartsWalk(const CopyRequest& request, const Ownership& ownership, disk::DurableOps& ops,
            flow::BoundedQueue<Slice>& queue)
      : request_(request), ownership_(ownership), ops_(ops), queue_(queue) {}

  CopyResult run(const StopToken& stop) {
    make_tablespaces();
    const repository::BackupStore store(request_.repository, request_.incarnation);
    for (const catalog::PartInfo& part : request_.manifest->parts) {
      stop.throw_if_stopped();
      const Bytes bytes = store.get_part(*request_.manifest, part);
      catalog::PartReader reader(bytes);
      while (auto entry = reader.next()) take(std::move(*entry));
    }
    end_file();
    make_missing_folders();
    return result_;
  }

  // Modes last: a folder that its owner may not write to could not be filled.
  void set_folder_modes() {
    for (const auto& [folder, mode] : folder_modes_) ops_.set_mode(folder, mode);
  }

 private:
  void take(FileEntry entry) {
    check_path(entry.path);
    if (entry.first_extent == 0) end_file();
    if (is_ours(entry.path)) return;
    switch (entry.kind) {
      case catalog::EntryKind::folder:
        return take_folder(entry);
      case catalog::EntryKind::symlink:
        return take_link(entry);
      case catalog::EntryKind::file:
        return take_file(std::move(entry));
    }
  }

  fs::path place(const std::string& path) const { return place_path(path, request_.target, request_.placed); }

  void make_folder(const fs::path& folder, mode_t mode) {
    if (ops_.make_folder(folder, mode | 0700) == disk::MakeOutcome::made) give(ops_, folder, ownership_);
    if ((mode | 0700) != mode || (mode & 0077) != 0) folder_modes_[folder] = mode;
  }

  void take_folder(const FileEntry& entry) {
    if (entry.path.empty() || entry.path == ".") {
      folder_modes_[request_.target] = entry.mode;
      return;
    }
    make_folder(place(entry.path), entry.mode == 0 ? 0700 : static_cast<mode_t>(entry.mode));
  }

  void take_link(const FileEntry& entry) {
    const fs::path to = place(entry.path);
    if (to != request_.target / entry.path) return;  // a tablespace's link was made before
    ops_.make_symlink(entry.link_target, to);
    give(ops_, to, ownership_);
  }

  void take_file(FileEntry entry) {
    if (entry.first_extent == 0) {
      path_ = entry.path;
      size_ = entry.size_bytes;
      offset_ = 0;
      ++result_.files;
      result_.bytes += size_;
    } else if (entry.path != path_ || offset_ != std::uint64_t{entry.first_extent} * catalog::kExtentBytes) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("the backup's part continues {} at extent {}, which does not follow "
                              "what came before",
                              entry.path, entry.first_extent));
    }
    const mode_t mode = entry.mode == 0 ? 0600 : static_cast<mode_t>(entry.mode);
    const std::uint64_t extents_in_all = (size_ + catalog::kExtentBytes - 1) / catalog::kExtentBytes;
    const bool whole = extents_in_all <= kSliceExtents && entry.extents.size() == extents_in_all;
    const fs::path to = place(entry.path);
    if (!whole && entry.first_extent == 0) create_large(to, mode);
    push_slices(std::move(entry.extents), to, mode, whole);
  }

  void create_large(const fs::path& to, mode_t mode) {
    const auto file = ops_.create_file(to, mode);
    file->truncate(size_);
    file->close();
    give(ops_, to, ownership_);
  }

  void push_slices(std::vector<Extent> extents, const fs::path& to, mode_t mode, bool whole) {
    std::size_t from = 0;
    do {
      Slice slice{to, mode, size_, whole, offset_, {}};
      const std::size_t end = std::min(extents.size(), from + kSliceExtents);
      for (; from < end; ++from) {
        const Extent& extent = extents[from];
        if (extent.plain_bytes > catalog::kExtentBytes || offset_ % catalog::kExtentBytes != 0) {
          throw Error(ErrorKind::corrupt, fmt::format("the extents of {} do not follow each other", path_));
        }
        offset_ += extent.plain_bytes;
        if (extent.zero) result_.hole_bytes += extent.plain_bytes;
        result_.stored_bytes += extent.zero ? 0 : extent.base.stored_bytes;
        for (const catalog::PagePatch& patch : extent.patches)
          result_.stored_bytes += patch.frame.stored_bytes;
        slice.extents.push_back(extent);
      }
      if (!queue_.push(std::move(slice))) throw Error(ErrorKind::interrupted, "copying files was stopped");
    } while (from < extents.size());
  }

  void end_file() {
    if (path_.empty()) return;
    if (offset_ != size_) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("the backup holds {} bytes of {}, which had {}", offset_, path_, size_));
    }
    path_.clear();
  }

  void make_tablespaces() {
    for (const PlacedTablespace& place : request_.placed) {
      if (place.in_place) continue;
      if (disk::make_folders(ops_, place.location) == disk::MakeOutcome::made)
        give(ops_, place.location, ownership_);
      ops_.set_mode(place.location, 0700);
      give(ops_, place.location, ownership_);
      make_folder(request_.target / "pg_tblspc", 0700);
      const fs::path link = request_.target / "pg_tblspc" / std::to_string(place.oid);
      ops_.make_symlink(place.location, link);
      give(ops_, link, ownership_);
    }
  }

  // postgres-notes 3.2: backups keep these folders without their content; a server does not start without
  // them.
  void make_missing_folders() {
    for (const char* name :
         {"pg_wal", "pg_wal/archive_status", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial",
          "pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_tblspc", "pg_twophase"}) {
      make_folder(request_.target / name, 0700);
    }
    if (request_.manifest->header.server_version_number >= 170000) {
      make_folder(request_.target / "pg_wal/summaries", 0700);
    }
  }

  const CopyRequest& request_;
  const Ownership& ownership_;
  disk::DurableOps& ops_;
  flow::BoundedQueue<Slice>& queue_;
  std::map<fs::path, mode_t> folder_modes_;
  CopyResult result_;
  std::string path_;  // the file whose extents come now
  std::uint64_t size_ = 0, offset_ = 0;
};

void sync_below(const fs::path& root, flow::BoundedQueue<fs::path>& queue, std::vector<fs::path>& folders) {
  folders.push_back(root);
  disk::walk_tree(root, [&](const std::string& relative, const disk::FileStatus& status) {
    if (status.type == disk::EntryType::folder) folders.push_back(root / relative);
    if (status.type == disk::EntryType::file) queue.push(root / relative);
    return true;
  });
}

}  // namespace

CopyResult copy_files(const CopyRequest& request, const Ownership& ownership, disk::DurableOps& ops,
                      Progress& progress, const StopToken& stop) {
  const auto jobs = static_cast<std::size_t>(std::max(1, request.jobs));
  flow::BoundedQueue<Slice> queue(4 * jobs);
  flow::WorkerGroup workers(stop, [&](std::exception_ptr error) { queue.fail(std::move(error)); });
  const std::stop_callback on_stop(stop.std_token(), [&] { queue.close(); });
  for (std::size_t worker = 0; worker < jobs; ++worker) {
    workers.start([&](const StopToken& token) {
      Writer writer(request, ownership, ops, progress);
      while (const auto slice = queue.pop()) {
        token.throw_if_stopped();
        writer.write(*slice, token);
      }
    });
  }
  PartsWalk walk(request, ownership, ops, queue);
  CopyResult result;
  try {
    result = walk.run(workers.token());
  } catch (...) {
    queue.fail(std::current_exception());
    workers.join();  // the worker's error, if one came first
    throw;
  }
  queue.close();
  workers.join();
  stop.throw_if_stopped();
  walk.set_folder_modes();
  return result;
}

std::string recorded_owner(const repository::BackupStore& store, const catalog::Manifest& manifest) {
  if (manifest.parts.empty()) return {};
  const Bytes bytes = store.get_part(manifest, manifest.parts.front());
  catalog::PartReader reader(bytes);
  while (const auto entry = reader.next()) {
    if (!entry->owner.empty()) return entry->owner;
  }
  return {};
}

void sync_files(const fs::path& target, const std::vector<PlacedTablespace>& placed, int jobs,
                disk::DurableOps& ops, const StopToken& stop) {
  // syncfs writes everything out in the best order; the fsyncs after it cost next to nothing then, and are
  // what reports a write error of each file for certain.
  ops.sync_file_system(target);
  flow::BoundedQueue<fs::path> queue(1024);
  flow::WorkerGroup workers(stop, [&](std::exception_ptr error) { queue.fail(std::move(error)); });
  for (int worker = 0; worker < std::max(1, jobs); ++worker) {
    workers.start([&](const StopToken& token) {
      while (const auto path = queue.pop()) {
        token.throw_if_stopped();
        ops.sync_file(*path);
      }
    });
  }
  std::vector<fs::path> folders;
  try {
    sync_below(target, queue, folders);
    for (const PlacedTablespace& place : placed) {
      if (place.in_place) continue;
      if (!disk::same_device(target, place.location)) ops.sync_file_system(place.location);
      sync_below(place.location, queue, folders);
    }
  } catch (...) {
    queue.fail(std::current_exception());
    workers.join();
    throw;
  }
  queue.close();
  workers.join();
  for (const fs::path& folder : folders) ops.sync_folder(folder);
}

}  // namespace tidemark::restore
