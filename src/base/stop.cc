#include "tidemark/stop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "tidemark/error.h"

namespace tidemark {

struct StopToken::Wake {
  int descriptor = -1;
  Wake() : descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (descriptor < 0) throw errno_error(errno, "creating an eventfd");
  }
  ~Wake() { ::close(descriptor); }
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
};

StopToken::StopToken() = default;

int StopToken::wake_descriptor() const { return wake_ ? wake_->descriptor : -1; }

void StopToken::throw_if_stopped() const {
  if (stop_requested()) throw Error(ErrorKind::interrupted, "stopped on request");
}

StopSource::StopSource() : wake_(std::make_shared<StopToken::Wake>()) {}

void StopSource::request_stop() {
  if (!source_.request_stop()) return;
  const std::uint64_t one = 1;
  // An eventfd's write fails only when its counter is full, and then it is readable anyway.
  [[maybe_unused]] const auto written = ::write(wake_->descriptor, &one, sizeof one);
}

StopToken StopSource::token() const {
  StopToken token;
  token.token_ = source_.get_token();
  token.wake_ = wake_;
  return token;
}

}  // namespace tidemark
