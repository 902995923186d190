#pragma once
// Times as people write them into moments in UTC: design.md "The contract for exact".

#include <optional>
#include <string>
#include <string_view>

#include "tidemark/instant.h"

namespace tidemark::config {

void check_timezone(std::string_view name);  // Error config when the time zone database does not know it

// "2026-11-22 14:30:00+01", "2026-11-22T14:30:00.123456Z", "2026-11-22 14:30" with a zone, "10m ago".
// nullopt: it does not look like a time at all. Error usage: it does, but
//  - it has neither offset nor zone: refused with the likely readings spelled out, ready to paste;
//  - the zone skips or repeats that hour: both readings are spelled out.
std::optional<Instant> parse_moment(std::string_view text, Instant now,
                                    const std::optional<std::string>& timezone);

// "2026-11-22 15:30:00.123456+01 Europe/Berlin", for echoing beside UTC.
std::string render_local(Instant instant, std::string_view timezone);
int minute_of_day(Instant instant, const std::optional<std::string>& timezone);

}  // namespace tidemark::config
