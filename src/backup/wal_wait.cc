#include "backup/wal_wait.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::backup {

namespace {

constexpr Microseconds kFirstLook = std::chrono::milliseconds(100), kLongestLook = std::chrono::seconds(2);

// The archive that is furthest behind.
struct Behind {
  const repository::WalArchive* archive = nullptr;
  Lsn end;
};

Behind furthest_behind(const std::vector<repository::WalArchive>& archives, const WalNeed& need) {
  Behind behind;
  for (const repository::WalArchive& archive : archives) {
    const Lsn end = archive.contiguous_end(need.timeline, need.start);
    if (behind.archive == nullptr || end < behind.end) behind = {&archive, end};
  }
  return behind;
}

}  // namespace

void wait_for_wal(const std::vector<repository::WalArchive>& archives, const WalNeed& need,
                  std::chrono::seconds limit, Progress& progress, const StopToken& stop, Clock& clock) {
  Lsn reached;
  Microseconds pause = kFirstLook;
  auto moved_at = clock.steady();
  for (;;) {
    const Behind behind = furthest_behind(archives, need);
    if (behind.archive == nullptr || behind.end >= need.stop) return;
    if (behind.end > reached) {
      reached = behind.end;
      moved_at = clock.steady();
      progress.note(fmt::format("waiting for WAL up to {}: repository {} has it up to {}",
                                need.stop.to_string(), behind.archive->repository().name(),
                                behind.end.to_string()));
    } else if (clock.steady() - moved_at > limit) {
      throw Error(
          ErrorKind::unavailable,
          fmt::format(
              "the repository {} holds WAL up to {} only, the backup needs it up to {}; nothing arrived for "
              "{} s",
              behind.archive->repository().name(), behind.end.to_string(), need.stop.to_string(),
              limit.count()))
          .code("wal_not_archived")
          .hint("see whether `tidemark serve` runs and reaches the server and this repository");
    }
    clock.sleep(pause, stop);
    stop.throw_if_stopped();
    pause = std::min(pause * 2, kLongestLook);
  }
}

}  // namespace tidemark::backup
