#pragma once
// Stretches of a timeline's WAL as ranges that join, and what their indexes say together.

#include <vector>

#include "repository/wal_archive.h"

namespace tidemark::repository {

// Take [from, to) of the range.
struct CoveredRange {
  WalRange range;
  Lsn from, to;
};

// The cover of [from, to) from `from` on; shorter when there is a hole.
std::vector<CoveredRange> cover_of(const WalArchive& archive, TimelineId timeline, Lsn from, Lsn to);
std::vector<CoveredRange> cover_of(const std::vector<WalRange>& ranges, Lsn from, Lsn to);

// The index of what is taken of the range: its records that end in (from, to].
wal::WalIndex read_index_of(const WalArchive& archive, const CoveredRange& covered);

// The index of [from, to), which must lie within one log: the merged one of the log where it exists, else the
// ranges' own, joined. Error corrupt/"wal_missing" where WAL is missing.
wal::WalIndex read_joined_index(const WalArchive& archive, TimelineId timeline, Lsn from, Lsn to);

inline constexpr std::uint64_t kLogBytes = 1ULL << 32;
inline std::uint32_t log_of(Lsn lsn) { return static_cast<std::uint32_t>(lsn.value() / kLogBytes); }

}  // namespace tidemark::repository
