#include "disk/fault_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "tidemark/error.h"

namespace tidemark::disk {

class FaultFile final : public OutputFile {
 public:
  FaultFile(FaultOps& ops, std::unique_ptr<OutputFile> real, ShadowTree::NodePtr node)
      : ops_(ops), real_(std::move(real)), reader_(real_->path()), node_(std::move(node)), life_(ops.life_) {
    append_at_ = real_->append_position();
  }

  const Path& path() const override { return real_->path(); }

  void write_at(std::uint64_t offset, ByteView bytes) override {
    const std::lock_guard lock(ops_.mutex_);
    const auto verdict = judge("write");
    if (verdict == FaultOps::Verdict::dead) ops_.strike(verdict, "write", path());
    const bool struck = verdict != FaultOps::Verdict::go;
    const ByteView done = struck ? bytes.first(bytes.size() / 2) : bytes;
    ops_.shadow_.about_to_change(node_, path());
    real_->write_at(offset, done);
    ops_.shadow_.wrote(node_, offset, done.size());
    if (struck) ops_.strike(verdict, "write", path());
  }

  void truncate(std::uint64_t size_bytes) override {
    const std::lock_guard lock(ops_.mutex_);
    step("truncate");
    ops_.shadow_.about_to_change(node_, path());
    const std::uint64_t before = reader_.size();
    real_->truncate(size_bytes);
    // A stretch cut off and written anew reads as zeros between: both sizes count as written.
    ops_.shadow_.wrote(node_, std::min(before, size_bytes),
                       std::max(before, size_bytes) - std::min(before, size_bytes));
    append_at_ = std::min(append_at_, size_bytes);
  }

  void allocate(std::uint64_t size_bytes) override {
    const std::lock_guard lock(ops_.mutex_);
    step("allocate");
    ops_.shadow_.about_to_change(node_, path());
    real_->allocate(size_bytes);
  }

  void start_writeback(std::uint64_t offset, std::uint64_t length) override {
    real_->start_writeback(offset, length);
  }
  void sync_data() override { sync_as("sync_data"); }
  void sync() override { sync_as("sync"); }
  void close() override { real_->close(); }

 private:
  FaultOps::Verdict judge(const char* doing) {
    if (life_ != ops_.life_)
      throw PowerCut{ops_.steps_, fmt::format("{} {} of a dead process", doing, path().string())};
    return ops_.judge(doing, path());
  }

  void step(const char* doing) {
    const auto verdict = judge(doing);
    if (verdict != FaultOps::Verdict::go) ops_.strike(verdict, doing, path());
  }

  void sync_as(const char* doing) {
    const std::lock_guard lock(ops_.mutex_);
    const auto verdict = judge(doing);
    if (verdict != FaultOps::Verdict::go) {
      ops_.shadow_.sync_failed(node_);
      ops_.strike(verdict, doing, path());
    }
    // Not synced really: the model knows, and a test that loops over hundreds of steps need not wait for the
    // disk.
    ops_.shadow_.synced(node_, reader_);
  }

  FaultOps& ops_;
  std::unique_ptr<OutputFile> real_;
  InputFile reader_;  // the same file, whatever its name becomes
  ShadowTree::NodePtr node_;
  std::size_t life_;
};

FaultOps::FaultOps(Path root) : shadow_(std::move(root)) {}
FaultOps::~FaultOps() = default;

void FaultOps::fail_at(std::size_t step, int error_number) {
  const std::lock_guard lock(mutex_);
  first_struck_ = last_struck_ = step;
  error_number_ = error_number;
}

void FaultOps::fail_from(std::size_t step, int error_number) {
  const std::lock_guard lock(mutex_);
  first_struck_ = step;
  last_struck_ = std::numeric_limits<std::size_t>::max();
  error_number_ = error_number;
}

void FaultOps::cut_at(std::size_t step) { fail_from(step, 0); }

std::size_t FaultOps::steps() const {
  const std::lock_guard lock(mutex_);
  return steps_;
}

std::vector<std::string> FaultOps::history() const {
  const std::lock_guard lock(mutex_);
  return history_;
}

void FaultOps::clear_plan() {
  steps_ = first_struck_ = last_struck_ = 0;
  error_number_ = 0;
  ++life_;
  history_.clear();
}

void FaultOps::restart() {
  const std::lock_guard lock(mutex_);
  clear_plan();
}

void FaultOps::lose_unsynced(Loss loss) {
  const std::lock_guard lock(mutex_);
  shadow_.roll_back(loss == Loss::bytes_only);
  clear_plan();
}

FaultOps::Verdict FaultOps::judge(const char* doing, const Path& path) {
  ++steps_;
  history_.push_back(fmt::format("{} {}", doing, path.string()));
  if (first_struck_ == 0 || steps_ < first_struck_ || steps_ > last_struck_) return Verdict::go;
  if (error_number_ != 0) return Verdict::fail;
  return steps_ == first_struck_ ? Verdict::cut : Verdict::dead;
}

void FaultOps::strike(Verdict verdict, const char* doing, const Path& path) const {
  const std::string what = fmt::format("{} {}", doing, path.string());
  if (verdict == Verdict::fail) throw errno_error(error_number_, fmt::format("step {}: {}", steps_, what));
  throw PowerCut{steps_, what};
}

void FaultOps::step(const char* doing, const Path& path) {
  const Verdict verdict = judge(doing, path);
  if (verdict != Verdict::go) strike(verdict, doing, path);
}

std::unique_ptr<OutputFile> FaultOps::create_file(const Path& path, mode_t mode) {
  const std::lock_guard lock(mutex_);
  step("create_file", path);
  shadow_.find(path);  // the parent's entries are known before the new one is among them
  auto file = real_ops().create_file(path, mode);
  shadow_.made(path, EntryType::file, mode);
  return std::make_unique<FaultFile>(*this, std::move(file), shadow_.find(path));
}

std::unique_ptr<OutputFile> FaultOps::open_file(const Path& path) {
  const std::lock_guard lock(mutex_);
  if (error_number_ == 0 && first_struck_ != 0 && steps_ >= first_struck_)
    strike(Verdict::dead, "open_file", path);
  auto file = real_ops().open_file(path);
  return std::make_unique<FaultFile>(*this, std::move(file), shadow_.find(path));
}

void FaultOps::sync_folder(const Path& folder) {
  const std::lock_guard lock(mutex_);
  step("sync_folder", folder);
  if (status_following(folder.empty() ? Path(".") : folder)) {
    shadow_.synced_folder(folder);
  } else {
    real_ops().sync_folder(folder);  // fails as it should
  }
}

void FaultOps::sync_file(const Path& file) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = judge("sync_file", file);
  const auto node = shadow_.find(file);
  if (verdict != Verdict::go) {
    shadow_.sync_failed(node);
    strike(verdict, "sync_file", file);
  }
  if (node) {
    shadow_.synced(node, InputFile(file));
  } else {
    real_ops().sync_file(file);
  }
}

void FaultOps::sync_file_system(const Path& path) {
  const std::lock_guard lock(mutex_);
  step("sync_file_system", path);
  shadow_.synced_everything();
}

void FaultOps::rename_over(const Path& from, const Path& to) {
  const std::lock_guard lock(mutex_);
  step("rename_over", to);
  shadow_.find(from);
  if (const auto replaced = shadow_.find(to)) shadow_.about_to_change(replaced, to);
  real_ops().rename_over(from, to);
  shadow_.moved(from, to);
}

LinkOutcome FaultOps::link_new(const Path& from, const Path& to) {
  const std::lock_guard lock(mutex_);
  step("link_new", to);
  shadow_.find(from);
  shadow_.find(to);
  const LinkOutcome outcome = real_ops().link_new(from, to);
  if (outcome == LinkOutcome::linked) shadow_.linked(from, to);
  return outcome;
}

RemoveOutcome FaultOps::unlink(const Path& file) {
  const std::lock_guard lock(mutex_);
  step("unlink", file);
  if (const auto node = shadow_.find(file)) shadow_.about_to_change(node, file);
  const RemoveOutcome outcome = real_ops().unlink(file);
  shadow_.removed(file);
  return outcome;
}

MakeOutcome FaultOps::make_folder(const Path& folder, mode_t mode) {
  const std::lock_guard lock(mutex_);
  step("make_folder", folder);
  shadow_.find(folder);
  const MakeOutcome outcome = real_ops().make_folder(folder, mode);
  if (outcome == MakeOutcome::made) shadow_.made(folder, EntryType::folder, mode);
  return outcome;
}

RemoveOutcome FaultOps::remove_folder(const Path& folder) {
  const std::lock_guard lock(mutex_);
  step("remove_folder", folder);
  shadow_.find(folder / "any");  // its entries are known before they are gone
  const RemoveOutcome outcome = real_ops().remove_folder(folder);
  shadow_.removed(folder);
  return outcome;
}

void FaultOps::make_symlink(const Path& target, const Path& link) {
  const std::lock_guard lock(mutex_);
  step("make_symlink", link);
  shadow_.find(link);
  real_ops().make_symlink(target, link);
  shadow_.made(link, EntryType::symlink, 0777);
}

void FaultOps::set_mode(const Path& path, mode_t mode) {
  const std::lock_guard lock(mutex_);
  step("set_mode", path);
  real_ops().set_mode(path, mode);
}

void FaultOps::set_owner(const Path& path, uid_t owner, gid_t group) {
  const std::lock_guard lock(mutex_);
  step("set_owner", path);
  real_ops().set_owner(path, owner, group);
}

void FaultOps::set_modified(const Path& path, Instant time) {
  const std::lock_guard lock(mutex_);
  step("set_modified", path);
  real_ops().set_modified(path, time);
}

}  // namespace tidemark::disk
