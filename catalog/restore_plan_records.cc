// Targets that name a place in the WAL: lsn, xid, before-xid, name.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "catalog/run_search.h"

namespace tidemark::catalog {
namespace {

struct Match {
  RunSearch* run = nullptr;
  RecordPlace place;
  TimelineId timeline;  // that the record is on
  std::optional<std::uint64_t> full_xid;
  Instant time;
};

// Branches share their common past: what lies in it is found on each of them and counts once.
void add_match(std::vector<Match>& matches, const Match& match) {
  const bool known = std::any_of(matches.begin(), matches.end(), [&](const Match& other) {
    return other.timeline == match.timeline && other.place.start == match.place.start;
  });
  if (!known) matches.push_back(match);
}

struct KnownNextXid {
  Lsn at;  // start of the checkpoint's record
  std::uint64_t next_full_xid = 0;
};

void note_checkpoints(std::vector<KnownNextXid>& known, const wal::WalIndex& index) {
  for (const wal::Event& event : index.events) {
    const bool checkpoint =
        event.kind == wal::EventKind::checkpoint_online || event.kind == wal::EventKind::checkpoint_shutdown;
    if (checkpoint) known.push_back({event.start, event.a});
  }
}

// By the last checkpoint before the record, where there is one; else by the first behind it.
std::optional<std::uint64_t> full_xid_at(const std::vector<KnownNextXid>& known, Lsn at, std::uint32_t xid) {
  if (known.empty()) return std::nullopt;
  const auto behind =
      std::partition_point(known.begin(), known.end(), [&](const auto& one) { return one.at < at; });
  return full_xid_near(behind == known.begin() ? behind->next_full_xid : std::prev(behind)->next_full_xid,
                       xid);
}

std::vector<Match> match_xid(RunSearch& run, std::uint32_t xid) {
  std::vector<Match> found;
  std::vector<KnownNextXid> known;
  for (std::size_t i = 0; i < run.reader().rows().size(); ++i) {
    const wal::WalIndex& index = run.reader().load(i);
    note_checkpoints(known, index);
    for (const wal::TransactionEnd& end : index.ends) {
      if (end.xid != xid) continue;
      found.push_back(
          {&run, {end.start, end.end}, run.history().timeline_at(end.start), std::nullopt, end.time});
    }
  }
  for (Match& match : found) match.full_xid = full_xid_at(known, match.place.start, xid);
  return found;
}

std::string list_matches(const std::vector<Match>& matches) {
  std::string text;
  for (const Match& match : matches) {
    text += fmt::format("{}{} at {} (timeline {}{})", text.empty() ? "" : ", ", match.place.start.to_string(),
                        match.time.to_iso(), match.timeline.value(),
                        match.full_xid ? fmt::format(", xid {}", *match.full_xid) : "");
  }
  return text;
}

std::string targets_behind(const std::vector<Match>& matches, bool before) {
  std::string text;
  for (const Match& match : matches) {
    const Lsn lsn = before ? match.place.start : match.place.end;
    text += fmt::format("{}--to lsn:{} --timeline {}", text.empty() ? "" : " or ", lsn.to_string(),
                        match.timeline.value());
  }
  return text;
}

FoundStop stop_at_lsn(RunSearch& run, Lsn lsn) {
  const auto last = run.last_record();
  if (last && last->start < lsn) {
    // Nothing whole starts at or behind it: the last record is kept, and with it all that starts before.
    return {&run, {last->start, true, StopReason::lsn}, last->end};
  }
  const auto behind = run.first_known_record_from(lsn);
  return {&run, {lsn, false, StopReason::lsn}, behind ? behind->end : run.end()};
}

Error refuse_lsn(const Runs& runs, const Target& target) {
  std::optional<Lsn> before, after;
  for (const auto& run : runs) {
    const Lsn end = run->first_unfinished().valid() ? run->first_unfinished() : run->end();
    if (end < target.lsn && (!before || *before < end)) before = end;
    if (run->oldest().stop > target.lsn && (!after || run->oldest().stop < *after))
      after = run->oldest().stop;
  }
  std::string hint;
  if (before) hint = fmt::format("the nearest position before is --to lsn:{}", before->to_string());
  if (after) {
    hint += fmt::format("{}the nearest position after is --to lsn:{}", hint.empty() ? "" : ", ",
                        after->to_string());
  }
  return Error(ErrorKind::refused,
               fmt::format("cannot restore to LSN {}: no backup and unbroken WAL lead there; {}",
                           target.lsn.to_string(), describe_windows(runs)))
      .code("lsn_not_reachable")
      .hint(hint);
}

// A position at which every record that starts before it is whole in the archive.
bool lsn_in_run(RunSearch& run, Lsn lsn) {
  if (lsn < run.oldest().start || lsn > run.end()) return false;
  const Lsn open = run.first_unfinished();
  return !open.valid() || lsn <= open;
}

}  // namespace

FoundStop find_lsn(const Runs& runs, const Target& target) {
  std::vector<FoundStop> found;
  for (const auto& run : runs) {
    const Lsn lsn =
        target.lsn > run->end() ? without_page_header(target.lsn, run->segment_size()) : target.lsn;
    if (!lsn_in_run(*run, lsn)) continue;
    found.push_back(stop_at_lsn(*run, lsn));
  }
  if (found.empty()) throw refuse_lsn(runs, target);
  const auto owner = [&](const FoundStop& one) { return one.run->history().timeline_at(target.lsn - 1); };
  const bool same = std::all_of(found.begin(), found.end(),
                                [&](const FoundStop& one) { return owner(one) == owner(found.front()); });
  if (same) return found.back();
  std::vector<const RunSearch*> candidates;
  for (const FoundStop& one : found) candidates.push_back(one.run);
  throw refuse_branches(fmt::format("LSN {}", target.lsn.to_string()), candidates);
}

FoundStop find_xid(const Runs& runs, const Target& target) {
  const bool before = target.kind == TargetKind::before_xid;
  const bool with_epoch = target.xid > std::numeric_limits<std::uint32_t>::max();
  std::vector<Match> matches;
  for (const auto& run : runs) {
    for (const Match& match : match_xid(*run, static_cast<std::uint32_t>(target.xid))) {
      if (!with_epoch || match.full_xid == target.xid) add_match(matches, match);
    }
  }
  if (matches.empty()) {
    throw Error(ErrorKind::refused,
                fmt::format("transaction {} neither committed nor aborted in the archived WAL; {}",
                            target.xid, describe_windows(runs)))
        .code("xid_unknown")
        .hint(
            "subtransactions have no end of their own: name the top-level transaction; `tidemark log` lists "
            "them");
  }
  if (matches.size() > 1) {
    throw Error(ErrorKind::refused, fmt::format("transaction {} ends at {} places: {}", target.xid,
                                                matches.size(), list_matches(matches)))
        .code("xid_ambiguous")
        .hint(fmt::format("name it with its epoch, or its place: {}", targets_behind(matches, before)));
  }
  const Match& match = matches.front();
  const auto reason = before ? StopReason::stopper : StopReason::record;
  return {match.run, {match.place.start, !before, reason}, match.place.end};
}

FoundStop find_name(const Runs& runs, const Target& target) {
  std::vector<Match> matches;
  for (const auto& run : runs) {
    for (std::size_t i = 0; i < run->reader().rows().size(); ++i) {
      for (const wal::RestorePoint& point : run->reader().load(i).restore_points) {
        if (point.name != target.name) continue;
        add_match(
            matches,
            {run.get(), {point.start, point.end}, run->history().timeline_at(point.start), {}, point.time});
      }
    }
  }
  if (matches.empty()) {
    throw Error(ErrorKind::refused, fmt::format("no restore point '{}' lies in the archived WAL; {}",
                                                target.name, describe_windows(runs)))
        .code("name_unknown")
        .hint("names are case-sensitive; `tidemark log` lists restore points");
  }
  if (matches.size() > 1) {
    throw Error(ErrorKind::refused, fmt::format("restore point '{}' occurs {} times: {}", target.name,
                                                matches.size(), list_matches(matches)))
        .code("name_ambiguous")
        .hint(fmt::format("name its place: {}", targets_behind(matches, false)));
  }
  const Match& match = matches.front();
  return {match.run, {match.place.start, true, StopReason::record}, match.place.end};
}

}  // namespace tidemark::catalog
