#pragma once
// A store whose calls are tried again while the one below is unavailable: the only place where calls of a
// store are retried. Any thread.

#include <memory>

#include "tidemark/clock.h"
#include "tidemark/object_store.h"
#include "tidemark/stop.h"

namespace tidemark::store {

struct RetryLimits {
  Microseconds first_wait =
      std::chrono::milliseconds(200);  // doubles each time; the wait is between half of it and it
  Microseconds longest_wait = std::chrono::seconds(30);
  Microseconds give_up_after =
      std::chrono::minutes(5);  // since the call began; then the last error is thrown
};

// Retries Errors whose kind says so (traits(kind).retry); everything else passes at once. A stop while
// waiting is Error interrupted. A put that failed and then finds the name taken compares the content: equal
// means that an earlier try had succeeded unseen, so the answer is `stored`. Listings continue behind what
// they have delivered. Growing objects are passed through: a failed append leaves an unknown end, and only
// their owner knows how to go on. `clock` must outlive the store.
std::unique_ptr<ObjectStore> make_retrying_store(std::unique_ptr<ObjectStore> inner, Clock& clock,
                                                 StopToken stop, RetryLimits limits = {});

}  // namespace tidemark::store
