#include "restore/planning.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "catalog/mark.h"
#include "repository/catalog_reader.h"
#include "repository/wal_cover.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::restore {

namespace {

constexpr std::size_t kReceiptsRead = 10;
constexpr Microseconds kShortestPin = std::chrono::hours(1);
constexpr Microseconds kLongestPin = std::chrono::hours(72);

std::shared_ptr<repository::WalArchive> open_archive(const RestoreSource& source) {
  const auto identity = repository::newest_identity(*source.repository, source.incarnation);
  if (!identity) {
    throw Error(ErrorKind::not_found, fmt::format("repository {} holds nothing of {}",
                                                  source.repository->name(), source.incarnation.folder()))
        .code("no_incarnation");
  }
  const auto size = wal::SegmentSize::from_bytes(identity->segment_bytes);
  if (!size)
    throw Error(ErrorKind::corrupt, fmt::format("impossible WAL segment size {}", identity->segment_bytes));
  return std::make_shared<repository::WalArchive>(source.repository, source.incarnation, *size);
}

catalog::MeasuredRates measured_rates(const repository::WalArchive& archive, const std::string& host) {
  std::vector<catalog::MeasuredRates> rates;
  for (const Bytes& receipt : repository::read_marks(archive, catalog::kMarkReceipt, kReceiptsRead)) {
    try {
      auto measured = catalog::rates_of_receipt_json(receipt);
      if (measured.host == host) rates.push_back(std::move(measured));
    } catch (const Error& failure) {
      log_warning("restore", fmt::format("a stored receipt cannot be read: {}", failure.what()));
    }
  }
  return catalog::combine(rates);
}

// Is every object of the WAL that the plan needs there? By their names: checkpoints and merged indexes may
// tell of what somebody has deleted since.
bool holds_wal(const repository::WalArchive& archive, const catalog::RestorePlan& plan) {
  for (const wal::TimelineSpan& span : plan.path) {
    const Lsn from = std::max(span.begin, plan.wal_from);
    const Lsn to = span.end.valid() ? std::min(span.end, plan.wal_to) : plan.wal_to;
    const bool has_parent = span.timeline > TimelineId(1);
    if (has_parent && span.timeline <= plan.timeline && !archive.read_history(span.timeline)) return false;
    if (from >= to) continue;
    const auto cover = repository::cover_of(archive, span.timeline, from, to);
    if (cover.empty() || cover.front().from > from || cover.back().to < to) return false;
  }
  return true;
}

// nullopt: the inventory tells of WAL that is not there.
std::optional<catalog::RestorePlan> plan_by(const repository::WalArchive& archive,
                                            const catalog::Inventory& inventory,
                                            const catalog::PlanRequest& request) {
  try {
    const auto source = repository::make_index_source(archive, inventory);
    auto plan = catalog::make_restore_plan(inventory, request, *source);
    if (holds_wal(archive, plan)) return plan;
  } catch (const Error& failure) {
    if (failure.kind() == ErrorKind::refused || failure.code() != "wal_missing") throw;
  }
  return std::nullopt;
}

// What is missing makes a gap once everything was listed anew, and the plan goes round it or says so.
catalog::RestorePlan plan_with_what_is_there(const repository::WalArchive& archive,
                                             const catalog::PlanRequest& request) {
  if (auto plan = plan_by(archive, repository::read_inventory(archive), request)) return std::move(*plan);
  log_warning("restore",
              fmt::format("repository {} lacks WAL that its checkpoint tells of; all is listed anew",
                          archive.repository().name()));
  if (auto plan = plan_by(archive, repository::rebuild_inventory(archive), request)) return std::move(*plan);
  throw Error(ErrorKind::refused, fmt::format("WAL that the target needs is missing in repository {}",
                                              archive.repository().name()))
      .code("wal_missing")
      .hint("`tidemark list` shows the recovery windows; `tidemark check` whether WAL arrives");
}

PlannedRestore plan_from(const repository::WalArchive& archive, const catalog::PlanRequest& request,
                         const std::string& host, Clock& clock) {
  const auto began = clock.steady();
  PlannedRestore planned;
  planned.plan = plan_with_what_is_there(archive, request);
  planned.predicted = catalog::predict(planned.plan, measured_rates(archive, host));
  planned.repository = archive.repository().name();
  planned.seconds = std::chrono::duration<double>(clock.steady() - began).count();
  return planned;
}

}  // namespace

ChosenSource plan_restore(const std::vector<RestoreSource>& sources, const catalog::PlanRequest& request,
                          const std::string& host, Clock& clock,
                          std::vector<std::shared_ptr<repository::WalArchive>>& archives) {
  std::exception_ptr first_error;
  std::optional<ChosenSource> chosen;
  for (const RestoreSource& source : sources) {
    try {
      auto archive = open_archive(source);
      if (!chosen) {
        auto planned = plan_from(*archive, request, host, clock);
        chosen = ChosenSource{source, archive, std::move(planned)};
      }
      archives.push_back(std::move(archive));
    } catch (const Error& failure) {
      if (!first_error) first_error = std::current_exception();
      if (sources.size() > 1) {
        log_warning("restore",
                    fmt::format("repository {} is not used: {}", source.repository->name(), failure.what()));
      }
    }
  }
  if (chosen) return std::move(*chosen);
  if (first_error) std::rethrow_exception(first_error);
  throw Error(ErrorKind::config, "no repository to restore from");
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "unknown";
  return name;
}

void pin_backup(const repository::WalArchive& archive, const PlannedRestore& planned, Clock& clock) {
  const BackupId& backup = planned.plan.backup.id;
  const auto reading = Microseconds(static_cast<std::int64_t>(planned.predicted.total() * 3e6));
  const Instant now = clock.now();
  try {
    const catalog::Pin pin{backup, now + std::clamp<Microseconds>(reading, kShortestPin, kLongestPin),
                           "restore on " + host_name()};
    repository::put_mark(archive, now, catalog::kMarkPin, pin.serialize());
  } catch (const Error& failure) {
    log_warning("restore", fmt::format("backup {} is not pinned while it is read: {}", backup.to_string(),
                                       failure.what()));
  }
}

}  // namespace tidemark::restore
