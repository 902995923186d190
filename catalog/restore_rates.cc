// How long a restore will take, from what the last ones took.
#include <algorithm>

#include "catalog/plan_rendering.h"
#include "catalog/receipt.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

// What is assumed of a host that nothing was restored on: a modest disk and a modest core.
constexpr double kAssumedFilesBytesPerSecond = 100e6;
constexpr double kAssumedWalBytesPerSecond = 40e6;
constexpr double kAssumedStartSeconds = 3;
constexpr double kAssumedPlanSeconds = 1;
constexpr double kLongEnoughSeconds = 0.05;  // shorter phases say nothing about a rate

double number_at(const nlohmann::json& json, const char* object, const char* field) {
  const auto group = json.find(object);
  if (group == json.end() || !group->is_object()) return 0;
  const auto found = group->find(field);
  if (found == group->end() || !found->is_number()) return 0;
  return std::max(0.0, found->get<double>());
}

double rate(double bytes, double seconds) { return seconds < kLongEnoughSeconds ? 0 : bytes / seconds; }

// Newer figures weigh twice as much as the next older one; absent ones (0) do not count.
double weighted(const std::vector<MeasuredRates>& newest_first, double MeasuredRates::*member) {
  double sum = 0, weights = 0, weight = 1;
  for (const MeasuredRates& one : newest_first) {
    if (!one.measured || one.*member <= 0) continue;
    sum += weight * one.*member;
    weights += weight;
    weight /= 2;
  }
  return weights > 0 ? sum / weights : 0;
}

}  // namespace

MeasuredRates rates_of_receipt_json(ByteView bytes) {
  const auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object() || !json.contains("seconds"))
    throw Error(ErrorKind::corrupt, "a receipt cannot be read");
  MeasuredRates rates;
  const auto host = json.find("host");
  if (host != json.end() && host->is_string()) rates.host = host->get<std::string>();
  rates.files_bytes_per_second = rate(number_at(json, "bytes", "files"), number_at(json, "seconds", "files"));
  rates.wal_bytes_per_second = rate(number_at(json, "bytes", "wal"),
                                    number_at(json, "seconds", "wal") + number_at(json, "seconds", "replay"));
  rates.start_seconds = number_at(json, "seconds", "start");
  rates.plan_seconds = number_at(json, "seconds", "plan");
  rates.measured = number_at(json, "seconds", "total") > 0;
  return rates;
}

MeasuredRates combine(const std::vector<MeasuredRates>& newest_first) {
  MeasuredRates rates;
  for (const MeasuredRates& one : newest_first) {
    if (rates.host.empty()) rates.host = one.host;
    rates.measured = rates.measured || one.measured;
  }
  rates.files_bytes_per_second = weighted(newest_first, &MeasuredRates::files_bytes_per_second);
  rates.wal_bytes_per_second = weighted(newest_first, &MeasuredRates::wal_bytes_per_second);
  rates.start_seconds = weighted(newest_first, &MeasuredRates::start_seconds);
  rates.plan_seconds = weighted(newest_first, &MeasuredRates::plan_seconds);
  return rates;
}

PredictedSeconds predict(const RestorePlan& plan, const MeasuredRates& rates) {
  const auto or_assumed = [](double measured, double assumed) { return measured > 0 ? measured : assumed; };
  PredictedSeconds seconds;
  seconds.plan = or_assumed(rates.plan_seconds, kAssumedPlanSeconds);
  seconds.files = static_cast<double>(plan.file_bytes) /
                  or_assumed(rates.files_bytes_per_second, kAssumedFilesBytesPerSecond);
  // Fetching runs ahead of replay, so that its time is within replay's.
  seconds.replay =
      static_cast<double>(plan.wal_bytes) / or_assumed(rates.wal_bytes_per_second, kAssumedWalBytesPerSecond);
  seconds.start = or_assumed(rates.start_seconds, kAssumedStartSeconds);
  seconds.measured = rates.measured;
  return seconds;
}

}  // namespace tidemark::catalog
