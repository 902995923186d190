// The marks' part of an inventory, and marks as such.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "repository/inventory_reading.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::repository {
namespace {

// Marks of hosts whose clocks differ by less than this are seen, whichever was stored first.
constexpr Microseconds kClockMargin = std::chrono::hours(1);
// An idle service writes a proof a minute; only the newest says something.
constexpr std::size_t kProofsRead = 16;
constexpr int kNameAttempts = 10;

struct ListedMark {
  catalog::MarkName parsed;
  std::string name;
};

std::vector<ListedMark> list_marks(const WalArchive& archive, const std::string& after) {
  const std::string folder = catalog::marks_folder(archive.incarnation());
  std::vector<ListedMark> marks;
  archive.repository().store().list(folder, after, [&](const ObjectInfo& object) {
    auto parsed = catalog::parse_mark_name(std::string_view(object.name).substr(folder.size()));
    if (parsed) marks.push_back({std::move(*parsed), object.name});
    return true;
  });
  return marks;
}

void apply(const catalog::MarkName& mark, ByteView json, catalog::Inventory& inventory) {
  if (mark.kind == catalog::kMarkPin) {
    const auto pin = catalog::Pin::parse(json);
    Instant& until = inventory.keep_until[pin.backup];
    until = std::max(until, pin.until);
  } else if (mark.kind == catalog::kMarkUnpin) {
    inventory.keep_until.erase(catalog::Unpin::parse(json).backup);
  } else if (mark.kind == catalog::kMarkGapAcknowledged) {
    const auto gap = catalog::AcknowledgedGap::parse(json);
    auto& gaps = inventory.acknowledged_gaps;
    if (std::ranges::find(gaps, gap) == gaps.end()) gaps.push_back(gap);
  } else if (mark.kind == catalog::kMarkVerify) {
    const auto run = catalog::VerifyRun::parse(json);
    if (run.bad_frames != 0) return;
    Instant& verified = inventory.verified_at[run.backup];
    verified = std::max(verified, run.time);
  } else if (mark.kind == catalog::kMarkIdleProof) {
    const auto proof = catalog::IdleProof::parse(json);
    const auto known =
        std::ranges::find(inventory.idle_proofs, proof.timeline, &catalog::IdleProof::timeline);
    if (known == inventory.idle_proofs.end()) {
      inventory.idle_proofs.push_back(proof);
    } else if (known->time < proof.time) {
      *known = proof;
    }
  }
}

// Marks whose content matters, in the order of time.
std::vector<ListedMark> worth_reading(std::vector<ListedMark> marks) {
  static const std::set<std::string_view> kRead = {catalog::kMarkPin, catalog::kMarkUnpin,
                                                   catalog::kMarkGapAcknowledged, catalog::kMarkVerify};
  std::size_t proofs = 0;
  std::vector<ListedMark> chosen;
  for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
    const bool proof = mark->parsed.kind == catalog::kMarkIdleProof;
    if (kRead.contains(mark->parsed.kind) || (proof && proofs++ < kProofsRead))
      chosen.push_back(std::move(*mark));
  }
  std::ranges::reverse(chosen);
  return chosen;
}

}  // namespace

void read_mark_listing(const WalArchive& archive, InventoryReading& reading) {
  const bool first = reading.last_mark == Instant();
  const std::string after =
      first ? std::string()
            : catalog::marks_folder(archive.incarnation()) + (reading.last_mark - kClockMargin).to_compact();
  std::vector<ListedMark> marks = list_marks(archive, after);
  for (const ListedMark& mark : marks) reading.last_mark = std::max(reading.last_mark, mark.parsed.time);
  for (const ListedMark& mark : worth_reading(std::move(marks))) {
    try {
      const auto content = archive.repository().find(codec::ObjectKind::mark, mark.name);
      if (content) apply(mark.parsed, *content, reading.inventory);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::mismatch) throw;
      log_warning("repository", fmt::format("mark {} is left out: {}", mark.name, error.what()));
    }
  }
  std::ranges::sort(reading.inventory.idle_proofs, {}, &catalog::IdleProof::timeline);
}

void put_mark(const WalArchive& archive, Instant time, std::string_view kind, ByteView json) {
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    const auto random = static_cast<std::uint32_t>(codec::random_number());
    const std::string name = catalog::mark_name(archive.incarnation(), time, kind, random);
    if (archive.repository().put(codec::ObjectKind::mark, name, json) == PutOutcome::stored) return;
  }
  throw Error(ErrorKind::internal, fmt::format("no name was free for a mark of kind {}", kind));
}

std::vector<Bytes> read_marks(const WalArchive& archive, std::string_view kind, std::size_t newest) {
  std::vector<ListedMark> marks = list_marks(archive, "");
  std::vector<Bytes> contents;
  for (auto mark = marks.rbegin(); mark != marks.rend() && contents.size() < newest; ++mark) {
    if (mark->parsed.kind != kind) continue;
    auto content = archive.repository().find(codec::ObjectKind::mark, mark->name);
    if (content) contents.push_back(std::move(*content));
  }
  return contents;
}

}  // namespace tidemark::repository
