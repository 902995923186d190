#include <algorithm>
#include <list>
#include <map>

#include "repository/wal_archive.h"
#include "repository/wal_cover.h"
#include "repository/wal_listing.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

// A plan goes over the same rows a few times; what it loaded is kept up to about this much.
constexpr std::size_t kKeptBytes = 64U << 20;

class ArchiveIndexSource final : public catalog::IndexSource {
 public:
  ArchiveIndexSource(const WalArchive& archive, const catalog::Inventory& inventory)
      : archive_(archive), stretches_(inventory.wal) {}

  std::vector<Row> rows(TimelineId timeline, Lsn from, Lsn to) override {
    if (!timelines_.contains(timeline)) add_timeline(timeline);
    std::vector<Row> found;
    for (const std::size_t at : timelines_[timeline]) {
      if (entries_[at].row.end > from && entries_[at].row.start < to) found.push_back(entries_[at].row);
    }
    return found;
  }

  wal::WalIndex load(const Row& row) override {
    const auto kept = std::ranges::find(kept_, row.key, &Kept::key);
    if (kept != kept_.end()) {
      kept_.splice(kept_.begin(), kept_, kept);
      return kept_.front().index;
    }
    wal::WalIndex index = read(entries_.at(row.key));
    keep(row.key, index);
    return index;
  }

 private:
  struct Entry {
    Row row;
    std::optional<CoveredRange> single;  // unset: the row is a stretch of several ranges
  };
  struct Kept {
    std::uint64_t key;
    std::size_t bytes;
    wal::WalIndex index;
  };

  // A stretch whose times are known is one row, and so is one with a merged index: both are loaded as a
  // whole, and most of them never. Everything else has a row for each range.
  void add_timeline(TimelineId timeline) {
    timelines_[timeline];
    for (const catalog::WalStretch& stretch : stretches_) {
      if (stretch.timeline != timeline) continue;
      if (stretch.summarized || has_merged(stretch)) {
        add({{timeline, stretch.start, stretch.end, stretch.earliest, stretch.latest, stretch.summarized, 0},
             {}});
        continue;
      }
      for (CoveredRange& covered : cover_of(archive_, timeline, stretch.start, stretch.end)) {
        add({{timeline, covered.from, covered.to, {}, {}, false, 0}, std::move(covered)});
      }
    }
  }

  bool has_merged(const catalog::WalStretch& stretch) const {
    // Only a stretch that ends its log can be of a finished one.
    return stretch.end.value() % kLogBytes == 0 &&
           archive_.has_log_index(stretch.timeline, log_of(stretch.start));
  }

  void add(Entry entry) {
    entry.row.key = entries_.size();
    timelines_[entry.row.timeline].push_back(entries_.size());
    entries_.push_back(std::move(entry));
  }

  wal::WalIndex read(const Entry& entry) const {
    const Row& row = entry.row;
    if (entry.single) {
      try {
        return read_index_of(archive_, *entry.single);
      } catch (const Error& error) {
        if (error.code() != "superseded") throw;  // by a full segment, which the joined index takes
      }
    }
    return read_joined_index(archive_, row.timeline, row.start, row.end);
  }

  void keep(std::uint64_t key, const wal::WalIndex& index) {
    const std::size_t bytes =
        sizeof index + index.ends.size() * sizeof(wal::TransactionEnd) +
        index.events.size() * sizeof(wal::Event) +
        (index.prepares.size() + index.restore_points.size()) * 2 * sizeof(wal::Prepare);
    if (bytes > kKeptBytes / 2) return;
    kept_.push_front({key, bytes, index});
    kept_bytes_ += bytes;
    while (kept_bytes_ > kKeptBytes) {
      kept_bytes_ -= kept_.back().bytes;
      kept_.pop_back();
    }
  }

  WalArchive archive_;
  std::vector<catalog::WalStretch> stretches_;
  std::vector<Entry> entries_;
  std::map<TimelineId, std::vector<std::size_t>> timelines_;  // into entries_, in order
  std::list<Kept> kept_;                                      // the one used last in front
  std::size_t kept_bytes_ = 0;
};

}  // namespace

std::unique_ptr<catalog::IndexSource> make_index_source(const WalArchive& archive,
                                                        const catalog::Inventory& inventory) {
  return std::make_unique<ArchiveIndexSource>(archive, inventory);
}

}  // namespace tidemark::repository
