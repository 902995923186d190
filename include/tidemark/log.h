#pragma once
// Lines for the operator: logged where an event is consumed, never on the way up, and never by pure rooms.
// Values that may hold secrets (connection strings, keys) are never passed here. Any thread.

#include <functional>
#include <string>
#include <string_view>

namespace tidemark {

enum class LogLevel { debug, info, warning, error };

// The destination; by default standard error, one line each: "2026-11-22T03:04:56Z warning archive: text".
using LogSink = std::function<void(LogLevel, std::string_view room, std::string_view text)>;
void set_log_sink(LogSink sink);  // before threads start; empty restores the default
void set_log_level(LogLevel lowest);

void log(LogLevel level, std::string_view room, std::string_view text);
inline void log_debug(std::string_view room, std::string_view text) { log(LogLevel::debug, room, text); }
inline void log_info(std::string_view room, std::string_view text) { log(LogLevel::info, room, text); }
inline void log_warning(std::string_view room, std::string_view text) { log(LogLevel::warning, room, text); }
inline void log_error(std::string_view room, std::string_view text) { log(LogLevel::error, room, text); }

}  // namespace tidemark
