#pragma once
// Cooperative stopping that also wakes a poll(): a std::stop_source with an eventfd that becomes readable,
// and stays so, once a stop was requested.

#include <memory>
#include <stop_token>

namespace tidemark {

class StopToken {
 public:
  StopToken();  // never stops
  bool stop_requested() const { return token_.stop_requested(); }
  int wake_descriptor() const;  // for poll(); readable once stopped; -1 when this token never stops
  const std::stop_token& std_token() const { return token_; }
  void throw_if_stopped() const;  // Error interrupted

 private:
  friend class StopSource;
  struct Wake;
  std::stop_token token_;
  std::shared_ptr<Wake> wake_;
};

// Copies share one state. request_stop() is safe from any thread and idempotent (not from a signal handler).
class StopSource {
 public:
  StopSource();
  void request_stop();
  bool stop_requested() const { return source_.stop_requested(); }
  StopToken token() const;

 private:
  std::stop_source source_;
  std::shared_ptr<StopToken::Wake> wake_;
};

}  // namespace tidemark
