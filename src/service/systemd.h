#pragma once
// Word to the service manager that started us; without one nothing happens. sd_notify(3).

#include <chrono>
#include <optional>
#include <string>

namespace tidemark::service {

void notify_ready();
void notify_stopping();
void notify_status(const std::string& text);
void notify_alive();
// How often notify_alive() is expected, halved; unset: not at all.
std::optional<std::chrono::milliseconds> watchdog_period();

}  // namespace tidemark::service
