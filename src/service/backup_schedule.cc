#include "service/backup_schedule.h"

#include <algorithm>

namespace tidemark::service {

namespace {

// The most telling reason: of a required place, and of one that holds nothing before others.
const BackupPlace* most_in_need(const std::vector<BackupPlace>& places) {
  const BackupPlace* found = nullptr;
  const auto rank = [](const BackupPlace& place) { return std::pair(place.required, place.holds_none); };
  for (const BackupPlace& place : places) {
    if (!place.due.due || !place.takes_wal) continue;
    if (found == nullptr || rank(*found) < rank(place)) found = &place;
  }
  return found;
}

}  // namespace

BackupDecision decide_backup(const std::vector<BackupPlace>& places, bool after_failure) {
  BackupDecision decision;
  const bool broken = std::any_of(places.begin(), places.end(), [](const BackupPlace& place) {
    return place.required && !place.takes_wal;
  });
  const BackupPlace* neediest = most_in_need(places);
  if (broken || neediest == nullptr) return decision;
  decision.reason = neediest->due.reason;
  decision.first = std::all_of(places.begin(), places.end(),
                               [](const BackupPlace& place) { return place.holds_none || !place.required; });
  for (std::size_t n = 0; n < places.size(); ++n) {
    const BackupPlace& place = places[n];
    const bool wanted = neediest->required ? place.required || !after_failure : place.due.due;
    if (wanted && place.takes_wal) decision.targets.push_back(n);
  }
  return decision;
}

bool required_places_work(const archive::ArchiveStatus& status) {
  if (status.state != archive::ArchiveState::streaming || status.lanes.empty()) return false;
  return std::all_of(status.lanes.begin(), status.lanes.end(), [](const archive::LaneStatus& lane) {
    return !lane.required || lane.state == archive::LaneState::shipping;
  });
}

bool BackupPacing::may_start(const BackupDecision& decision, archive::SteadyTime now) {
  const bool confirmed = decision.first || decision.reason == seen_reason_;
  seen_reason_ = decision.reason;
  return !decision.targets.empty() && confirmed && (!not_before_ || now >= *not_before_);
}

Microseconds BackupPacing::failed(archive::SteadyTime now) {
  const Microseconds wait = back_off_.next;
  back_off_.take(0);
  not_before_ = now + wait;
  return wait;
}

void BackupPacing::succeeded() {
  back_off_.reset();
  not_before_.reset();
  seen_reason_.clear();
}

}  // namespace tidemark::service
