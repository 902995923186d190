#pragma once
// When received WAL is shipped to a repository: design.md "A WAL byte", Shipping. Pure.

#include <chrono>
#include <optional>

#include "tidemark/instant.h"

namespace tidemark::archive {

using SteadyTime = std::chrono::steady_clock::time_point;

struct ShippingRule {
  Microseconds end_age;   // half of the RPO objective: the other half is for the put itself
  Microseconds idle_age;  // WAL without a transaction end: nobody misses it, so it may gather
};

// What one repository has not got yet. Ages count from arrival here, not from commit times: while we catch
// up, commits are old already, and shipping each crumb at once would only delay the full segment that follows
// within milliseconds.
struct Unshipped {
  bool any_bytes = false;
  bool segment_full = false;
  SteadyTime first_byte_arrival;
  std::optional<SteadyTime> first_end_arrival;  // of a commit, abort or prepare; unset: there is none
  bool synchronous = false;                     // commits on the server wait for us
  bool demanded = false;  // by a keepalive that asks for a reply, a waiting caller, or the end of the job
};

// The moment from which on shipping is due; SteadyTime::min() = at once; nullopt = nothing to ship.
std::optional<SteadyTime> shipping_due(const ShippingRule& rule, const Unshipped& unshipped);

// Waits between tries: doubled from `first` up to `longest`.
struct BackOff {
  Microseconds first, longest;
  Microseconds next;
  BackOff(Microseconds shortest, Microseconds limit) : first(shortest), longest(limit), next(shortest) {}
  // `spread` in [0, 1): the wait lies between half of the step and all of it, so that many do not come back
  // together.
  Microseconds take(double spread);
  void reset() { next = first; }
};

}  // namespace tidemark::archive
