#include "wal/timeline_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "tidemark/error.h"

namespace tidemark::wal {
namespace {

constexpr Lsn kNoEnd{std::numeric_limits<std::uint64_t>::max()};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v'; }

std::string_view without_leading_space(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view without_trailing_space(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Cuts the next word off the front of `line`.
std::string_view take_word(std::string_view& line) {
  line = without_leading_space(line);
  std::size_t length = 0;
  while (length < line.size() && !is_space(line[length])) ++length;
  const std::string_view word = line.substr(0, length);
  line.remove_prefix(length);
  return word;
}

std::optional<std::uint32_t> parse_number(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// PostgreSQL reads "%X/%X" here, so leading zeros (18 writes eight digits in places) are as good as none.
std::optional<Lsn> parse_switch_point(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto high = parse_number(text.substr(0, slash), 16);
  const auto low = parse_number(text.substr(slash + 1), 16);
  if (!high || !low) return std::nullopt;
  return Lsn(std::uint64_t{*high} << 32 | *low);
}

// nullopt: a comment or a blank line.
std::optional<HistoryEntry> parse_line(std::string_view line, std::string_view where) {
  std::string_view rest = without_leading_space(line);
  if (rest.empty() || rest.front() == '#') return std::nullopt;
  const auto timeline = parse_number(take_word(rest), 10);
  const auto switch_point = parse_switch_point(take_word(rest));
  if (!timeline || *timeline == 0 || !switch_point) {
    throw Error(ErrorKind::corrupt, fmt::format("{} is not '<timeline> <switch point> <reason>': '{}'", where,
                                                line.substr(0, 200)));
  }
  return HistoryEntry{TimelineId(*timeline), *switch_point,
                      std::string(without_trailing_space(without_leading_space(rest)))};
}

}  // namespace

TimelineHistory TimelineHistory::parse(TimelineId timeline, std::string_view content) {
  TimelineHistory history(timeline);
  for (std::size_t number = 1; !content.empty(); ++number) {
    const std::size_t length = std::min(content.find('\n'), content.size());
    const std::string_view line = content.substr(0, length);
    content.remove_prefix(std::min(length + 1, content.size()));
    const std::string where = fmt::format("line {} of the history of timeline {}", number, timeline.value());
    auto entry = parse_line(line, where);
    if (!entry) continue;
    if (entry->timeline >= timeline) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{} names timeline {}, which is no ancestor", where, entry->timeline.value()));
    }
    if (!history.ancestors_.empty() && entry->timeline <= history.ancestors_.back().timeline) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{} names timeline {} behind timeline {}", where, entry->timeline.value(),
                              history.ancestors_.back().timeline.value()));
    }
    history.ancestors_.push_back(std::move(*entry));
  }
  return history;
}

std::string TimelineHistory::render() const {
  std::string text;
  for (const HistoryEntry& entry : ancestors_) {
    if (!text.empty())
      text += '\n';  // PostgreSQL leaves a blank line between what it copied and what it adds
    text += fmt::format("{}\t{}\t{}\n", entry.timeline.value(), entry.switch_point.to_string(), entry.reason);
  }
  return text;
}

std::vector<TimelineSpan> TimelineHistory::path() const {
  // Newest first: a server that recovers towards timeline 2 but stops before its fork writes "2 <stop>"
  // behind "1 <fork>" with stop < fork. Then timeline 2 contributed nothing and timeline 1 ends at the stop.
  std::vector<TimelineSpan> spans;
  TimelineId timeline = timeline_;
  Lsn end = kNoEnd;
  for (std::size_t i = ancestors_.size(); i-- > 0;) {
    const Lsn begin = std::min(ancestors_[i].switch_point, end);
    spans.push_back({timeline, begin, end});
    timeline = ancestors_[i].timeline;
    end = begin;
  }
  spans.push_back({timeline, Lsn(), end});
  std::reverse(spans.begin(), spans.end());
  return spans;
}

TimelineId TimelineHistory::timeline_at(Lsn lsn) const {
  for (const TimelineSpan& span : path()) {
    if (span.begin <= lsn && lsn < span.end) return span.timeline;
  }
  return timeline_;  // the last byte of all
}

bool TimelineHistory::contains(TimelineId timeline, Lsn lsn) const { return timeline_at(lsn) == timeline; }

}  // namespace tidemark::wal
