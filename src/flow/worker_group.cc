#include "flow/worker_group.h"

#include <utility>

namespace tidemark::flow {

WorkerGroup::WorkerGroup(const StopToken& outer, std::function<void(std::exception_ptr)> on_failure)
    : token_(source_.token()),
      outer_(outer.std_token(), [this] { source_.request_stop(); }),
      on_failure_(std::move(on_failure)) {}

WorkerGroup::~WorkerGroup() {
  request_stop();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WorkerGroup::start(std::function<void(const StopToken&)> body) {
  threads_.emplace_back([this, body = std::move(body)] {
    try {
      body(token_);
    } catch (...) {
      failed(std::current_exception());
    }
  });
}

void WorkerGroup::request_stop() { source_.request_stop(); }

void WorkerGroup::join() {
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  threads_.clear();
  const std::lock_guard lock(mutex_);
  if (first_error_) std::rethrow_exception(first_error_);
}

// Only the first error counts: those that follow are most often its consequences.
void WorkerGroup::failed(std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    if (first_error_) return;
    first_error_ = error;
  }
  source_.request_stop();
  if (on_failure_) on_failure_(std::move(error));
}

}  // namespace tidemark::flow
