#pragma once
// Pieces that the plan's and the receipt's renderings share. For .cc files of this room only: it brings in
// the JSON library.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "catalog/restore_plan.h"

namespace tidemark::catalog {

using OrderedJson = nlohmann::ordered_json;

OrderedJson plan_json(const RestorePlan& plan, const PredictedSeconds& predicted);  // without "format"
OrderedJson predicted_json(const PredictedSeconds& predicted);
std::string dump(const OrderedJson& json);
std::string plan_lines(const RestorePlan& plan);
std::string seconds_text(double seconds);     // "4.2 s", "3 min 12 s"
std::string bytes_text(std::uint64_t bytes);  // "12.5 GiB"

}  // namespace tidemark::catalog
