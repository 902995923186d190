#include "restore/wal_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::restore {

namespace {

Bytes to_bytes(const std::string& text) { return Bytes(text.begin(), text.end()); }

// Asks one archive after the other; the first error counts when none has an answer.
template <typename Ask>
auto ask_each(const std::vector<std::shared_ptr<repository::WalArchive>>& archives, Ask ask)
    -> decltype(ask(*archives.front())) {
  std::exception_ptr first_error;
  for (const auto& archive : archives) {
    try {
      if (auto answer = ask(*archive)) return answer;
    } catch (const Error&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
  return {};
}

}  // namespace

WalFiles::WalFiles(std::vector<std::shared_ptr<repository::WalArchive>> archives,
                   std::optional<RestoreState> state)
    : archives_(std::move(archives)), state_(std::move(state)) {
  TIDEMARK_CHECK(!archives_.empty());
}

std::optional<Bytes> WalFiles::get(const std::string& name) const {
  const wal::SegmentSize size = archives_.front()->segment_size();
  const auto wanted = wal::parse_archivable_name(name, size);
  if (!wanted) {
    throw Error(ErrorKind::usage, fmt::format("`{}` is no name of a WAL segment or history file", name))
        .hint("restore_command must pass %f");
  }
  switch (wanted->kind) {
    case wal::ArchivableKind::segment:
      return get_segment({wanted->timeline, wanted->segment}, name);
    case wal::ArchivableKind::history:
      return get_history(wanted->timeline);
    case wal::ArchivableKind::partial:  // recovery never asks for these; what they hold is given under the
    case wal::ArchivableKind::backup_history:  // segment's own name, and in the manifest
      return std::nullopt;
  }
  return std::nullopt;
}

// The end of what the plan needs of the file; 0/0: nothing.
Lsn WalFiles::needed_end(const wal::SegmentFile& file) const {
  if (!state_) return {};
  const Lsn begin = file.segment.start(state_->segment_size), end = file.segment.end(state_->segment_size);
  for (const wal::TimelineSpan& span : state_->path) {
    if (span.timeline != file.timeline) continue;
    const Lsn from = std::max({begin, span.begin, state_->wal_from});
    const Lsn to = std::min({end, span.end, state_->wal_to});
    if (from < to) return to;
  }
  return {};
}

std::optional<Bytes> WalFiles::get_segment(const wal::SegmentFile& file, const std::string& name) const {
  const Lsn needed = needed_end(file);
  Lsn furthest = file.segment.start(archives_.front()->segment_size());
  auto bytes = ask_each(archives_, [&](const repository::WalArchive& archive) -> std::optional<Bytes> {
    auto segment = archive.read_segment(file.timeline, file.segment);
    if (!segment || segment->valid_end < needed) {
      if (segment) furthest = std::max(furthest, segment->valid_end);
      return std::nullopt;
    }
    return std::move(segment->bytes);
  });
  if (bytes) return bytes;
  if (needed.valid()) {
    throw Error(ErrorKind::unavailable,
                fmt::format("WAL segment {} is needed up to {}, the repository has it up to {}", name,
                            needed.to_string(), furthest.to_string()))
        .code("wal_missing")
        .hint("it was there when the restore was planned: see whether something deletes from the repository");
  }
  if (!state_ && anything_after(file.timeline, file.segment)) {
    throw Error(ErrorKind::unavailable,
                fmt::format("WAL segment {} is missing, while later ones of timeline {} exist", name,
                            file.timeline.value()))
        .code("wal_missing")
        .hint("replay cannot pass this gap; `tidemark list` shows it");
  }
  return std::nullopt;
}

bool WalFiles::anything_after(TimelineId timeline, wal::SegmentNo segment) const {
  for (const auto& archive : archives_) {
    const wal::SegmentSize size = archive->segment_size();
    // Below the timeline's folder; what follows our segment's name.
    const std::string folder = catalog::timeline_folder(archive->incarnation(), timeline);
    const std::string after =
        catalog::segment_name(archive->incarnation(), timeline, segment, size).substr(folder.size());
    const auto ranges = archive->list(timeline, after);
    if (std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) { return range.segment > segment; }))
      return true;
  }
  return false;
}

std::optional<Bytes> WalFiles::get_history(TimelineId timeline) const {
  const auto stored = ask_each(
      archives_, [&](const repository::WalArchive& archive) { return archive.read_history(timeline); });
  if (stored) return to_bytes(*stored);
  if (state_ && timeline > state_->timeline) return answer_new_timeline(timeline);
  const bool on_path = state_ && timeline.value() > 1 &&
                       std::any_of(state_->path.begin(), state_->path.end(),
                                   [&](const wal::TimelineSpan& span) { return span.timeline == timeline; });
  if (on_path) {
    throw Error(ErrorKind::unavailable,
                fmt::format("the history of timeline {} is missing in the repository", timeline.value()))
        .code("history_missing")
        .hint("it was there when the restore was planned: see whether something deletes from the repository");
  }
  return std::nullopt;
}

// The server looks for the first free number above its target's. It takes the one that we call absent, so
// that one is claimed for it first; one that somebody else claimed must look taken, although its history is
// not stored yet.
std::optional<Bytes> WalFiles::answer_new_timeline(TimelineId timeline) const {
  bool taken = false;
  for (const auto& archive : archives_) {
    if (state_->claims) {
      try {
        taken |= archive->claim_timeline(timeline, state_->claim_owner) == repository::StoreOutcome::conflict;
        continue;
      } catch (const Error& failure) {
        log_warning("restore", fmt::format("cannot claim timeline {}, another restore may take it too: {}",
                                           timeline.value(), failure.what()));
      }
    }
    const auto claim = archive->read_claim(timeline);
    taken |= claim && *claim != state_->claim_owner;
  }
  if (!taken) return std::nullopt;
  // Never parsed: recovery with a numeric target timeline looks only whether the file exists.
  return to_bytes(fmt::format("{}\t{}\tclaimed by another restore\n", state_->timeline.value(),
                              state_->wal_to.to_string()));
}

std::size_t WalFiles::planned_count() const {
  if (!state_ || state_->wal_to <= state_->wal_from) return 0;
  const auto first = wal::segment_of_start(state_->wal_from, state_->segment_size);
  const auto last = wal::segment_of_end(state_->wal_to, state_->segment_size);
  return last.value() - first.value() + 1;
}

std::vector<std::string> WalFiles::planned_names(std::size_t index) const {
  const auto first = wal::segment_of_start(state_->wal_from, state_->segment_size);
  const wal::SegmentNo segment(first.value() + index);
  std::vector<std::string> names;
  // As XLogFileReadAnyTLI goes: down from the newest timeline that can contain the segment.
  for (auto span = state_->path.rbegin(); span != state_->path.rend(); ++span) {
    if (wal::segment_of_start(span->begin, state_->segment_size) > segment) continue;
    names.push_back(wal::segment_file_name(span->timeline, segment, state_->segment_size));
    if (span->begin <= segment.start(state_->segment_size)) break;  // older ones have nothing of it
  }
  return names;
}

std::optional<std::size_t> WalFiles::planned_index(const std::string& name) const {
  const auto file = wal::parse_segment_file_name(name, archives_.front()->segment_size());
  if (!file || planned_count() == 0) return std::nullopt;
  const auto first = wal::segment_of_start(state_->wal_from, state_->segment_size);
  if (file->segment < first || file->segment.value() - first.value() >= planned_count()) return std::nullopt;
  return file->segment.value() - first.value();
}

}  // namespace tidemark::restore
