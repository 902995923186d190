#include "archive/undurable_commits.h"

#include <algorithm>

namespace tidemark::archive {

std::optional<Instant> UndurableCommits::oldest_after(Lsn durable) const {
  const auto at = std::upper_bound(commits_.begin(), commits_.end(), durable,
                                   [](Lsn position, const Commit& commit) { return position < commit.end; });
  if (at == commits_.end()) return std::nullopt;
  return at->time;
}

}  // namespace tidemark::archive
