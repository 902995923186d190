#pragma once
// The growing object of the segment being written: docs/repository-format.md "WAL ranges". A header, then
// frames; each shipment (the WAL of one append and its index) is one frame or, when large, several. No
// footer, no trailer: the valid prefix counts.

#include <functional>
#include <memory>
#include <string>

#include "repository/wal_archive.h"

namespace tidemark::repository {

// `name` as catalog::open_segment_name gives it; the WAL begins at `start` and must not pass `limit`.
std::unique_ptr<OpenSegment> create_open_object(std::shared_ptr<Repository> repository,
                                                const std::string& name, Lsn start, Lsn limit);

// Calls `take` for each whole shipment of the valid prefix, in order; answers where the prefix ends. nullopt:
// there is no such object. A torn end is normal. Error corrupt: something is damaged that had been synced.
using TakeShipment = std::function<void(Lsn start, ByteView wal, ByteView index)>;
std::optional<Lsn> walk_open_object(const Repository& repository, const std::string& name, Lsn start,
                                    Lsn limit, const TakeShipment& take);

}  // namespace tidemark::repository
