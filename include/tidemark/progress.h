#pragma once
// How long work tells how far it is. Jobs call it from any of their threads, at most some ten times a second;
// what is shown (a terminal's bar, plain lines, nothing) is the receiver's matter.

#include <cstdint>
#include <string_view>

namespace tidemark {

class Progress {
 public:
  virtual ~Progress() = default;
  // A new phase: "copying files"; total 0 = unknown.
  virtual void begin(std::string_view phase, std::uint64_t total_bytes) = 0;
  virtual void advance(std::uint64_t bytes) = 0;
  // A line of its own for progress that is not bytes: "at 14:02:11 of 14:30:00, 12 s left".
  virtual void note(std::string_view text) = 0;
  virtual void end() = 0;
};

Progress& no_progress();

}  // namespace tidemark
