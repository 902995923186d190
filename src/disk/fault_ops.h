#pragma once
// The twin of the real durable operations, for tests: works on a real folder, counts every step that changes
// or syncs something, and at a chosen one fails, or "cuts the power": PowerCut is thrown then and at every
// later step until restart(). What had not been synced by then can be lost on purpose. A test loops the step
// from 1 to the count of an undisturbed run:
//
//   FaultOps ops(folder);
//   ops.cut_at(n);
//   try { work(ops); } catch (const PowerCut&) {}
//   ops.lose_unsynced();
//   // the promises must hold, and work(ops) must succeed now
//
// Not counted, as they change nothing: opening, closing, start_writeback. Any thread; PowerCut may then rise
// in each.

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "disk/durable_ops.h"
#include "disk/shadow_tree.h"

namespace tidemark::disk {

// Deliberately no std::exception: no handler of errors may take the death of the process for one it can deal
// with.
struct PowerCut {
  std::size_t step;
  std::string doing;
};

enum class Loss {
  everything_unsynced,  // bytes and names
  bytes_only,  // names had reached the disk by themselves, bytes had not: the file that is there, but empty
};

class FaultOps final : public DurableOps {
 public:
  // What lies below `root` counts as durable; what lies elsewhere is worked on, but never lost. `root` must
  // be a folder of its own inside one that may be written: rolling back replaces it.
  explicit FaultOps(Path root);
  ~FaultOps() override;

  // Steps are counted from 1 on, from construction, restart() or lose_unsynced(). A write that is struck has
  // written half.
  void fail_at(std::size_t step, int error_number);    // that one step
  void fail_from(std::size_t step, int error_number);  // that and all later ones: a disk that stays full
  void cut_at(std::size_t step);
  std::size_t steps() const;
  std::vector<std::string> history() const;  // "sync_data /path": for messages, and for tests of the order

  // The process died, the machine did not: nothing is lost; open files are dead, the plan and the count are
  // cleared.
  void restart();
  // The machine died: rolls the folder back to what was durable, then as restart().
  void lose_unsynced(Loss loss = Loss::everything_unsynced);

  std::unique_ptr<OutputFile> create_file(const Path& path, mode_t mode) override;
  std::unique_ptr<OutputFile> open_file(const Path& path) override;
  void sync_folder(const Path& folder) override;
  void sync_file(const Path& file) override;
  void sync_file_system(const Path& path) override;
  void rename_over(const Path& from, const Path& to) override;
  LinkOutcome link_new(const Path& from, const Path& to) override;
  RemoveOutcome unlink(const Path& file) override;
  MakeOutcome make_folder(const Path& folder, mode_t mode) override;
  RemoveOutcome remove_folder(const Path& folder) override;
  void make_symlink(const Path& target, const Path& link) override;
  void set_mode(const Path& path, mode_t mode) override;
  void set_owner(const Path& path, uid_t owner, gid_t group) override;
  void set_modified(const Path& path, Instant time) override;

 private:
  friend class FaultFile;
  enum class Verdict { go, fail, cut, dead };  // cut: now; dead: it was cut before
  Verdict judge(const char* doing, const Path& path);
  [[noreturn]] void strike(Verdict verdict, const char* doing, const Path& path) const;
  void step(const char* doing, const Path& path);  // returns, or strikes
  void clear_plan();

  mutable std::mutex mutex_;  // guards all that follows, and keeps real change and model in step
  ShadowTree shadow_;
  std::size_t steps_ = 0;
  std::size_t first_struck_ = 0, last_struck_ = 0;  // 0: none
  int error_number_ = 0;                            // 0: power cut
  std::size_t life_ = 0;                            // files of an earlier life are dead
  std::vector<std::string> history_;
};

}  // namespace tidemark::disk
