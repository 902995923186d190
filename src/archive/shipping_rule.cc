#include "archive/shipping_rule.h"

#include <algorithm>

namespace tidemark::archive {

std::optional<SteadyTime> shipping_due(const ShippingRule& rule, const Unshipped& unshipped) {
  if (!unshipped.any_bytes) return std::nullopt;
  if (unshipped.segment_full || unshipped.demanded) return SteadyTime::min();
  const SteadyTime idle_due = unshipped.first_byte_arrival + rule.idle_age;
  if (!unshipped.first_end_arrival) return idle_due;
  if (unshipped.synchronous) return SteadyTime::min();
  return std::min(*unshipped.first_end_arrival + rule.end_age, idle_due);
}

Microseconds BackOff::take(double spread) {
  const Microseconds step = next;
  next = std::min(next * 2, longest);
  const auto half = step.count() / 2;
  return Microseconds(half +
                      static_cast<Microseconds::rep>(spread * static_cast<double>(step.count() - half)));
}

}  // namespace tidemark::archive
