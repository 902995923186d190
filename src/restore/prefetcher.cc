#include "restore/prefetcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stop_token>

#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::restore {

namespace {

using namespace std::chrono_literals;

// How often the folder is looked at for questions and for files that were taken: a look costs some ten
// microseconds.
constexpr auto kLook = 5ms;

std::size_t window_files(const PrefetchLimits& limits, std::uint32_t segment_bytes) {
  const std::uint64_t by_bytes = limits.ahead_bytes / segment_bytes;
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(by_bytes, 2, std::max(2U, limits.ahead_files)));
}

ServingLock take_lock(const ReadyFolder& folder) {
  auto lock = ServingLock::try_take(folder);
  if (!lock)
    throw Error(ErrorKind::mismatch, fmt::format("another prefetcher serves {}", folder.path().string()));
  return std::move(*lock);
}

}  // namespace

Prefetcher::Prefetcher(const WalFiles& files, const ReadyFolder& folder, const Ownership& ownership,
                       const PrefetchLimits& limits, disk::DurableOps& ops, const StopToken& stop)
    : files_(files),
      folder_(folder),
      ownership_(ownership),
      limits_(limits),
      window_(window_files(limits, files.segment_bytes())),
      ops_(ops),
      lock_(take_lock(folder)),
      group_(stop) {
  folder_.clear(ops_);
  for (int worker = 0; worker < limits_.workers; ++worker) {
    group_.start([this](const StopToken& token) { read_ahead(token); });
  }
  group_.start([this](const StopToken& token) { serve(token); });
}

Prefetcher::~Prefetcher() {
  group_.request_stop();
  const std::lock_guard lock(mutex_);
  moved_.notify_all();
}

std::string Prefetcher::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

std::chrono::steady_clock::time_point Prefetcher::last_request() const {
  const std::lock_guard lock(mutex_);
  return last_request_;
}

std::optional<std::size_t> Prefetcher::next_index(const StopToken& stop) {
  std::unique_lock lock(mutex_);
  const auto may_go = [&] {
    if (stop.stop_requested() || next_ >= files_.planned_count()) return true;
    // A thread that reads counts as a file: what is ready and what is coming stay within the window.
    return ready_.size() + reading_.size() < window_;
  };
  while (!may_go()) moved_.wait_for(lock, 100ms);
  if (stop.stop_requested() || next_ >= files_.planned_count()) return std::nullopt;
  const std::size_t index = next_++;
  for (const std::string& name : files_.planned_names(index)) reading_.insert(name);
  return index;
}

void Prefetcher::read_ahead(const StopToken& stop) {
  while (const auto index = next_index(stop)) {
    try {
      deliver_planned(*index);
    } catch (const Error& failure) {
      // Recovery will ask for the file by name, and gets this answer, or a better one, then.
      log_warning("restore", fmt::format("reading WAL ahead: {}", failure.what()));
    }
    const std::lock_guard lock(mutex_);
    for (const std::string& name : files_.planned_names(*index)) reading_.erase(name);
    moved_.notify_all();
  }
}

void Prefetcher::deliver_planned(std::size_t index) {
  for (const std::string& name : files_.planned_names(index)) {
    const auto bytes = files_.get(name);
    if (!bytes) continue;
    folder_.deliver(ops_, name, *bytes, ownership_, limits_.durable);
    delivered_bytes_ += bytes->size();
    const std::lock_guard lock(mutex_);
    ready_.emplace_back(index, name);
    return;
  }
}

void Prefetcher::serve(const StopToken& stop) {
  while (!stop.stop_requested()) {
    notice_taken();
    for (const std::string& name : folder_.asked()) {
      if (stop.stop_requested()) return;
      const auto began = std::chrono::steady_clock::now();
      answer(name);
      stalled_microseconds_ +=
          std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now() - began).count();
    }
    std::unique_lock lock(mutex_);
    moved_.wait_for(lock, kLook, [&] { return stop.stop_requested(); });
  }
}

void Prefetcher::answer(const std::string& name) {
  {
    std::unique_lock lock(mutex_);
    last_request_ = std::chrono::steady_clock::now();
    // About to be delivered: reading it twice would only take longer.
    moved_.wait_for(lock, 60s, [&] { return !reading_.contains(name) || group_.token().stop_requested(); });
  }
  skip_before(name);
  try {
    if (!folder_.holds(name)) {
      if (const auto bytes = files_.get(name)) {
        folder_.deliver(ops_, name, *bytes, ownership_, limits_.durable);
      } else {
        folder_.answer(ops_, name, "absent", ownership_);
      }
    }
  } catch (const Error& failure) {
    const std::string text =
        failure.hint().empty() ? failure.what() : fmt::format("{}; {}", failure.what(), failure.hint());
    log_error("restore", fmt::format("recovery asked for {}: {}", name, text));
    {
      const std::lock_guard lock(mutex_);
      last_error_ = text;
    }
    folder_.answer(ops_, name, "error: " + text, ownership_);
  }
  folder_.forget_question(ops_, name);
}

// A recovery that was restarted begins where it had come to: what lies before would fill the window for ever.
void Prefetcher::skip_before(const std::string& name) {
  const auto index = files_.planned_index(name);
  if (!index) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(ready_, [&](const auto& file) {
    if (file.first >= *index) return false;
    folder_.drop(ops_, file.second);
    return true;
  });
  next_ = std::max(next_, *index + 1);
  moved_.notify_all();
}

void Prefetcher::notice_taken() {
  const std::lock_guard lock(mutex_);
  const auto before = ready_.size();
  std::erase_if(ready_, [&](const auto& file) { return !folder_.holds(file.second); });
  if (ready_.size() == before) return;
  last_request_ = std::chrono::steady_clock::now();
  moved_.notify_all();
}

}  // namespace tidemark::restore
