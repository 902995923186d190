#include "monitor/gather.h"

#include <algorithm>

#include "catalog/restore_plan.h"
#include "repository/catalog_reader.h"
#include "repository/wal_archive.h"
#include "tidemark/error.h"

namespace tidemark::monitor {

namespace {

constexpr std::size_t kReceiptsForRates = 5;

std::uint64_t stored_bytes(const catalog::Inventory& inventory) {
  std::uint64_t sum = 0;
  for (const auto& stretch : inventory.wal) sum += stretch.stored_bytes;
  for (const auto& backup : inventory.backups) sum += backup.new_bytes;
  return sum;
}

// The newest timeline that has WAL, and where its last contiguous stretch ends.
void find_archived_end(RepositoryReport& report) {
  for (const auto& stretch : report.inventory->wal) {
    if (stretch.timeline < report.timeline) continue;
    report.timeline = stretch.timeline;
    report.archived = std::max(report.archived, stretch.end);
  }
}

struct ReadRepository {
  RepositoryReport report;
  std::optional<repository::WalArchive> archive;
};

ReadRepository read_one(const std::string& cluster, const ConfiguredRepository& configured) {
  ReadRepository read;
  read.report.name = configured.name;
  read.report.place = configured.place;
  read.report.required = configured.required;
  read.report.error = configured.error;
  if (!configured.opened) return read;
  try {
    read.report.encrypted = configured.opened->secrets().encrypted();
    const auto incarnations = configured.opened->incarnations(cluster);
    if (incarnations.empty()) {
      read.report.error = "holds nothing of this cluster yet";
      return read;
    }
    const auto identity = repository::newest_identity(*configured.opened, incarnations.back());
    const auto size = wal::SegmentSize::from_bytes(identity ? identity->segment_bytes : 16U << 20);
    if (!size) throw Error(ErrorKind::corrupt, "the cluster's identity names an impossible WAL segment size");
    read.archive.emplace(configured.opened, incarnations.back(), *size);
    read.report.inventory = repository::read_inventory(*read.archive);
    find_archived_end(read.report);
    read.report.stored_bytes = stored_bytes(*read.report.inventory);
  } catch (const Error& error) {
    read.report.error = error.what();
    read.report.inventory.reset();
    read.archive.reset();
  }
  return read;
}

void estimate_rto(ClusterReport& report, const ReadRepository& source) {
  try {
    std::vector<catalog::MeasuredRates> rates;
    for (const Bytes& receipt :
         repository::read_marks(*source.archive, catalog::kMarkReceipt, kReceiptsForRates)) {
      rates.push_back(catalog::rates_of_receipt_json(receipt));
    }
    const auto combined = catalog::combine(rates);
    const auto index = repository::make_index_source(*source.archive, *source.report.inventory);
    catalog::PlanRequest request;
    request.target.requested = "latest";
    const auto plan = catalog::make_restore_plan(*source.report.inventory, request, *index);
    RtoEstimate estimate;
    estimate.phases = catalog::predict(plan, combined);
    estimate.seconds = estimate.phases.total();
    estimate.measured = combined.measured;
    report.rto = estimate;
  } catch (const Error& error) {
    report.rto_error = error.message();
  }
}

// The required repository that is furthest behind; without a required one, the furthest of all.
const ReadRepository* worst(const std::vector<ReadRepository>& read) {
  const ReadRepository* found = nullptr;
  for (const bool required : {true, false}) {
    for (const auto& one : read) {
      if (!one.report.inventory || (required && !one.report.required)) continue;
      const auto position = [](const RepositoryReport& r) { return std::pair(r.timeline, r.archived); };
      if (found == nullptr || position(one.report) < position(found->report)) found = &one;
    }
    if (found != nullptr) break;
  }
  return found;
}

}  // namespace

bool a_required_one_cannot_be_read(const ClusterReport& report) {
  return std::any_of(report.repositories.begin(), report.repositories.end(),
                     [](const RepositoryReport& one) { return one.required && !one.inventory; });
}

ClusterReport read_repositories(const GatherOptions& options,
                                const std::vector<ConfiguredRepository>& repositories, Instant now) {
  ClusterReport report;
  report.name = options.cluster;
  report.slot_name = options.slot;
  report.now = now;
  report.rpo_objective_seconds = options.rpo_objective_seconds;
  report.rto_objective_seconds = options.rto_objective_seconds;
  std::vector<ReadRepository> read;
  for (const auto& configured : repositories) read.push_back(read_one(options.cluster, configured));
  if (const ReadRepository* source = worst(read)) {
    const catalog::Inventory& inventory = *source->report.inventory;
    report.timeline = source->report.timeline;
    report.archived_lsn = source->report.archived;
    report.windows = catalog::recovery_windows(inventory);
    report.gaps = catalog::gaps(inventory);
    for (const auto& backup : inventory.backups) {
      if (!report.last_backup || report.last_backup->id < backup.id) report.last_backup = backup;
    }
    estimate_rto(report, *source);
  } else {
    report.rto_error = "no repository could be read";
  }
  for (auto& one : read) report.repositories.push_back(std::move(one.report));
  return report;
}

std::optional<Instant> proven_until(const ClusterReport& report) {
  std::optional<Instant> newest;
  for (const auto& repository : report.repositories) {
    if (!repository.inventory || !repository.required) continue;
    std::optional<Instant> here;
    for (const auto& proof : repository.inventory->idle_proofs) {
      if (proof.lsn <= repository.archived && (!here || *here < proof.time)) here = proof.time;
    }
    for (const auto& window : catalog::recovery_windows(*repository.inventory)) {
      if (!here || *here < window.to) here = window.to;
    }
    if (!here) return std::nullopt;  // the worst required repository counts
    if (!newest || *here < *newest) newest = here;
  }
  return newest;
}

void add_primary(ClusterReport& report, const postgres::ConnectionOptions& options, const StopToken& stop) {
  catalog::RpoFacts facts;
  facts.now = report.now;
  facts.durable = report.archived_lsn;
  facts.received = report.archived_lsn;
  facts.last_proof = proven_until(report);
  try {
    postgres::Connection connection(options, stop);
    const auto moment = postgres::read_server_moment(connection);
    report.primary_lsn = moment.insert_lsn;
    report.now = moment.clock;
    report.slot = postgres::read_slot(connection, report.slot_name);
    facts.now = moment.clock;
    facts.primary_answers = true;
    facts.primary_insert = moment.insert_lsn;
  } catch (const Error& error) {
    report.primary_error = error.message();
  }
  report.rpo = catalog::rpo_now(facts);
  if (a_required_one_cannot_be_read(report)) {
    report.rpo = catalog::Rpo{catalog::RpoState::unknown, std::nullopt, 0, report.now};
  }
}

}  // namespace tidemark::monitor
