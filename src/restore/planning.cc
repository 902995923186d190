#include "restore/planning.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "catalog/mark.h"
#include "repository/catalog_reader.h"
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

PlannedRestore plan_from(const repository::WalArchive& archive, const catalog::PlanRequest& request,
                         const std::string& host, Clock& clock) {
  const auto began = clock.steady();
  PlannedRestore planned;
  const auto inventory = repository::read_inventory(archive);
  const auto source = repository::make_index_source(archive, inventory);
  planned.plan = catalog::make_restore_plan(inventory, request, *source);
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
