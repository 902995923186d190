#pragma once
// One GET to our own service, for commands that ask it what it knows. Blocking, with a deadline.

#include <chrono>
#include <optional>
#include <string>

#include "web/event_loop.h"

namespace tidemark::web {

// nullopt when nobody answers there in time (the service is down: an ordinary outcome).
std::optional<Response> http_get(const ListenAddress& address, const std::string& path,
                                 std::chrono::milliseconds limit);

}  // namespace tidemark::web
