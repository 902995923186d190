// What a refused plan says: what was asked, what can be reached, and the nearest targets ready to paste.
#include <fmt/format.h>

#include <algorithm>

#include "catalog/run_search.h"

namespace tidemark::catalog {
namespace {

constexpr std::size_t kWindowsNamed = 6;

std::string describe_window(RunSearch& run) {
  return fmt::format("{} to {} (timeline {}, {} to {})", run.from().to_iso(), run.to().to_iso(),
                     run.history().timeline_at(run.end() - 1).value(), run.oldest().stop.to_string(),
                     run.end().to_string());
}

std::string paste(Instant time) { return fmt::format("--to \"{}\"", time.to_iso()); }

std::string nearest_hint(const std::optional<Instant>& before, const std::optional<Instant>& after,
                         bool behind_all) {
  std::string hint;
  if (before) hint += fmt::format("the nearest moment before is {}", paste(*before));
  if (behind_all) hint += "; everything that is archived: --to latest";
  if (after) hint += fmt::format("{}the nearest moment after is {}", hint.empty() ? "" : ", ", paste(*after));
  return hint;
}

std::string why_not_later(const Runs& runs, Instant end) {
  for (const auto& run : runs) {
    if (run->to() != end) continue;
    const auto latest = run->latest();
    if (latest && *latest == end) {
      return ": the last transaction ended then, and no idle proof covers the time since";
    }
    return ": no transaction ended later, and no idle proof covers the time since";
  }
  return "";
}

}  // namespace

std::string describe_windows(const Runs& runs) {
  std::vector<std::string> seen;
  for (const auto& run : runs) {
    const std::string text = describe_window(*run);
    if (std::find(seen.begin(), seen.end(), text) == seen.end()) seen.push_back(text);
  }
  if (seen.empty()) return "no backup can be restored";
  std::string text = seen.size() == 1 ? "the recovery window is " : "the recovery windows are ";
  const std::size_t skip = seen.size() > kWindowsNamed ? seen.size() - kWindowsNamed : 0;
  if (skip > 0) text += fmt::format("({} older ones) ", skip);
  for (std::size_t i = skip; i < seen.size(); ++i) text += (i > skip ? ", " : "") + seen[i];
  return text;
}

Error refuse_time(const Runs& runs, const Target& target) {
  std::optional<Instant> before, after;
  for (const auto& run : runs) {
    if (run->to() < target.time && (!before || *before < run->to())) before = run->to();
    if (run->from() > target.time && (!after || run->from() < *after)) after = run->from();
  }
  const std::string asked = target.requested.empty() || target.requested == target.time.to_iso()
                                ? target.time.to_iso()
                                : fmt::format("'{}' ({})", target.requested, target.time.to_iso());
  std::string_view code = "target_in_gap", where = "in a gap between two recovery windows";
  std::string why;
  if (!before) {
    code = "target_before_window";
    where = "before the end of the oldest backup that can be restored";
  } else if (!after) {
    code = "target_after_window";
    where = "behind the last moment that the archive can prove";
    why = why_not_later(runs, *before);
  }
  return Error(ErrorKind::refused, fmt::format("cannot restore to {}: it lies {}{}; {}", asked, where, why,
                                               describe_windows(runs)))
      .code(code)
      .hint(nearest_hint(before, after, !after));
}

Error refuse_branches(const std::string& what, const std::vector<const RunSearch*>& runs) {
  std::string list, numbers;
  for (const RunSearch* run : runs) {
    const auto number = run->history().timeline().value();
    list += fmt::format("{}timeline {} (archived to {})", list.empty() ? "" : ", ", number,
                        run->end().to_string());
    numbers += fmt::format("{}--timeline {}", numbers.empty() ? "" : " or ", number);
  }
  return Error(ErrorKind::refused,
               fmt::format("{} means different states on different timelines: {}", what, list))
      .code("timeline_ambiguous")
      .hint(fmt::format("say which one is meant: {}", numbers));
}

}  // namespace tidemark::catalog
