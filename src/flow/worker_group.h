#pragma once
// Threads that live and fail together: the first exception is kept, `stop` is requested for all, and join()
// rethrows it.

#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "tidemark/stop.h"

namespace tidemark::flow {

class WorkerGroup {
 public:
  // `outer`: stopping it stops the group. `on_failure` runs once, in the failing thread, before others are
  // joined (close a queue there).
  explicit WorkerGroup(const StopToken& outer, std::function<void(std::exception_ptr)> on_failure = {});
  ~WorkerGroup();  // requests stop and joins; errors that nobody joined for are lost on purpose
  WorkerGroup(const WorkerGroup&) = delete;
  WorkerGroup& operator=(const WorkerGroup&) = delete;

  void start(std::function<void(const StopToken&)> body);
  void request_stop();
  const StopToken& token() const { return token_; }
  void join();  // all; rethrows the first error

 private:
  void failed(std::exception_ptr error);

  StopSource source_;
  StopToken token_;
  std::stop_callback<std::function<void()>> outer_;
  std::function<void(std::exception_ptr)> on_failure_;
  std::mutex mutex_;  // guards first_error_
  std::exception_ptr first_error_;
  std::vector<std::thread> threads_;
};

}  // namespace tidemark::flow
