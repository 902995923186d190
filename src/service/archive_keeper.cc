#include "service/archive_keeper.h"

#include <fmt/format.h>

#include <algorithm>

#include "flow/worker_group.h"
#include "repository/wal_archive.h"
#include "tidemark/log.h"

namespace tidemark::service {

namespace {

// The server is asked on the way to something else: a dead host must not hold that up for long.
constexpr std::chrono::milliseconds kServerLimit{5000};

ArchiveTarget checked_target(const catalog::Incarnation& incarnation, std::uint32_t segment_bytes) {
  const auto size = wal::SegmentSize::from_bytes(segment_bytes);
  if (!size) {
    throw Error(ErrorKind::corrupt, fmt::format("cluster {} has an impossible WAL segment size: {} bytes",
                                                incarnation.cluster, segment_bytes));
  }
  return {incarnation, *size};
}

archive::ArchiveState state_of(const Error& error) {
  if (error.kind() == ErrorKind::mismatch) return archive::ArchiveState::divergent;
  if (error.code() == "repository_not_open") return archive::ArchiveState::waiting_for_repository;
  return archive::ArchiveState::server_unavailable;
}

}  // namespace

std::optional<ArchiveTarget> choose_target(const std::string& cluster,
                                           const std::optional<ArchiveTarget>& server,
                                           const std::vector<ArchiveTarget>& known) {
  if (!server) return known.empty() ? std::nullopt : std::optional(known.back());
  if (!known.empty() && std::find(known.begin(), known.end(), *server) == known.end()) {
    throw Error(
        ErrorKind::mismatch,
        fmt::format("the server of cluster {} is PostgreSQL {} with system identifier {}, which is not what "
                    "is archived here: PostgreSQL {} with {}",
                    cluster, server->incarnation.major, server->incarnation.system_id.to_string(),
                    known.back().incarnation.major, known.back().incarnation.system_id.to_string()))
        .code("other_cluster")
        .hint("after pg_upgrade or initdb run `tidemark init`; otherwise correct the connection");
  }
  return server;
}

ArchiveKeeper::ArchiveKeeper(const ClusterService& cluster, std::filesystem::path spool,
                             disk::DurableOps& ops, Clock& clock, const KeeperIntervals& intervals)
    : cluster_(cluster), spool_(std::move(spool)), ops_(ops), clock_(clock), intervals_(intervals) {
  for (const ServiceRepository& one : cluster_.repositories) {
    repositories_.push_back({one.name, one.place, one.required, nullptr, std::string(kNotOpenYet)});
  }
}

void ArchiveKeeper::run(const StopToken& stop) {
  archive::BackOff back_off(intervals_.first_wait, intervals_.longest_wait);
  while (!stop.stop_requested()) {
    try {
      open_repositories();
      require_repositories();
      begin(find_target(stop));
      back_off.reset();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) return;
      if (error.kind() == ErrorKind::internal) throw;
      note_trouble(error);
      clock_.sleep(back_off.take(0.5), stop);
      continue;
    }
    archive_until_changed(stop);
  }
}

// Opening may take long: it happens outside of the lock.
bool ArchiveKeeper::open_repositories() {
  bool opened_one = false;
  for (std::size_t n = 0; n < cluster_.repositories.size(); ++n) {
    const ServiceRepository& configured = cluster_.repositories[n];
    if (repositories()[n].opened) continue;
    std::shared_ptr<repository::Repository> opened;
    std::string trouble;
    try {
      opened = configured.open();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::internal) throw;
      trouble = error.what();
    }
    opened_one |= opened != nullptr;
    const std::lock_guard lock(mutex_);
    repositories_[n].opened = std::move(opened);
    if (repositories_[n].error != trouble && !trouble.empty()) {
      log_warning("service", fmt::format("{}: repository {} cannot be opened: {}", cluster_.name,
                                         configured.name, trouble));
    }
    repositories_[n].error = trouble;
  }
  return opened_one;
}

void ArchiveKeeper::require_repositories() const {
  for (const auto& one : repositories()) {
    if (one.opened || !one.required) continue;
    throw Error(ErrorKind::unavailable,
                fmt::format("repository {} at {} is required and cannot be opened: {}", one.name, one.place,
                            one.error))
        .code("repository_not_open");
  }
}

ArchiveTarget ArchiveKeeper::find_target(const StopToken& stop) {
  const auto server = ask_server(stop);
  const auto target = choose_target(cluster_.name, server, known_targets());
  if (!target) {
    throw Error(ErrorKind::unavailable,
                fmt::format("no repository knows cluster {} yet, and its server does not answer: {}",
                            cluster_.name, server_error_))
        .code("server_unknown");
  }
  return *target;
}

std::optional<ArchiveTarget> ArchiveKeeper::ask_server(const StopToken& stop) {
  try {
    postgres::ConnectionOptions options = cluster_.connection;
    options.connect_timeout = std::min(options.connect_timeout, kServerLimit);
    options.statement_timeout = std::min(options.statement_timeout, kServerLimit);
    postgres::Connection connection(options, stop);
    const auto facts = postgres::read_server_facts(connection);
    server_error_.clear();
    return checked_target({cluster_.name, facts.version_number / 10000, facts.system_id},
                          facts.segment_bytes);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::internal) throw;
    server_error_ = error.message();
    return std::nullopt;
  }
}

// Over all repositories; a newly added one knows nothing.
std::vector<ArchiveTarget> ArchiveKeeper::known_targets() const {
  std::vector<std::pair<Instant, ArchiveTarget>> found;
  for (const auto& one : repositories()) {
    if (!one.opened) continue;
    for (const auto& incarnation : one.opened->incarnations(cluster_.name)) {
      const auto identity = repository::newest_identity(*one.opened, incarnation);
      if (!identity) continue;
      const ArchiveTarget target = checked_target(incarnation, identity->segment_bytes);
      const bool seen =
          std::any_of(found.begin(), found.end(), [&](const auto& other) { return other.second == target; });
      if (!seen) found.emplace_back(repository::first_recorded(*one.opened, incarnation), target);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& left, const auto& right) { return left.first < right.first; });
  std::vector<ArchiveTarget> targets;
  for (auto& [recorded, target] : found) targets.push_back(std::move(target));
  return targets;
}

void ArchiveKeeper::begin(const ArchiveTarget& target) {
  archive::Archives archives;
  for (const auto& one : repositories()) {
    if (!one.opened) continue;
    archives.push_back(
        std::make_shared<repository::WalArchive>(one.opened, target.incarnation, target.segment_size));
  }
  archive::ArchiveOptions options;
  options.slot = cluster_.slot;
  options.rpo_objective = cluster_.rpo;
  options.spool = spool_;
  auto archiver = std::make_shared<archive::Archiver>(
      options, archives, archive::archive_ports(cluster_.connection, ops_, clock_));
  log_info("service",
           fmt::format("{}: archiving PostgreSQL {}, system identifier {}, into {} of {} repositories",
                       cluster_.name, target.incarnation.major, target.incarnation.system_id.to_string(),
                       archives.size(), cluster_.repositories.size()));
  target_ = target;
  const std::lock_guard lock(mutex_);
  archives_ = std::move(archives);
  archiver_ = std::move(archiver);
}

// Runs the archiver until the stop, or until it must be begun anew with other archives.
void ArchiveKeeper::archive_until_changed(const StopToken& stop) {
  const auto running = archiver();
  flow::WorkerGroup archiving(stop);
  archiving.start([&](const StopToken& token) { running->run(token); });
  while (clock_.sleep(intervals_.look_again, archiving.token())) {
    if (!must_begin_anew(archiving.token())) continue;
    archiving.request_stop();
  }
  archiving.join();
  const std::lock_guard lock(mutex_);
  before_ = running->status();
  if (!stop.stop_requested()) {
    archiver_.reset();
    archives_.clear();
  }
}

bool ArchiveKeeper::must_begin_anew(const StopToken& stop) {
  if (open_repositories()) return true;
  const auto now = status();
  if (now.state != archive::ArchiveState::divergent || now.last_error_code != "other_cluster") return false;
  try {
    return find_target(stop) != target_;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::internal) throw;
    return false;  // as before: the archiver's own state says what is wrong
  }
}

void ArchiveKeeper::note_trouble(const Error& error) {
  const std::lock_guard lock(mutex_);
  const bool news = before_.last_error != error.what();
  before_.state = state_of(error);
  before_.last_error = error.what();
  before_.last_error_code = error.code();
  before_.last_error_at = clock_.now();
  before_.server_answers = false;
  before_.counters.errors[std::string(error.code())] += 1;
  if (!news) return;
  log_warning("service", fmt::format("{}: {}{}{}", cluster_.name, error.what(),
                                     error.hint().empty() ? "" : "; hint: ", error.hint()));
}

archive::ArchiveStatus ArchiveKeeper::status() const {
  std::shared_ptr<archive::Archiver> running;
  {
    const std::lock_guard lock(mutex_);
    if (!archiver_) return before_;
    running = archiver_;
  }
  return running->status();
}

std::shared_ptr<archive::Archiver> ArchiveKeeper::archiver() const {
  const std::lock_guard lock(mutex_);
  return archiver_;
}

std::vector<monitor::ConfiguredRepository> ArchiveKeeper::repositories() const {
  const std::lock_guard lock(mutex_);
  return repositories_;
}

archive::Archives ArchiveKeeper::archives() const {
  const std::lock_guard lock(mutex_);
  return archives_;
}

bool ArchiveKeeper::wait_until_durable(Lsn lsn, archive::SteadyTime deadline, const StopToken& stop) const {
  const auto running = archiver();
  return running && running->wait_until_durable(lsn, deadline, stop);
}

}  // namespace tidemark::service
