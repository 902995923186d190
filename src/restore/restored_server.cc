#include "restore/restored_server.h"

#include <fmt/format.h>

#include <charconv>

#include "disk/file_reader.h"
#include "restore/target_directory.h"
#include "tidemark/error.h"

namespace tidemark::restore {

namespace {

using namespace std::chrono_literals;

constexpr auto kFirstLook = 20ms;
constexpr auto kLaterLook = 100ms;
constexpr auto kTellEvery = 1s;
constexpr auto kPromotion = 10min;

Lsn parse_lsn(const std::optional<std::string>& text) {
  return text ? Lsn::parse(*text).value_or(Lsn()) : Lsn();
}

std::optional<Instant> parse_instant(const std::optional<std::string>& microseconds) {
  if (!microseconds) return std::nullopt;
  std::int64_t value = 0;
  std::from_chars(microseconds->data(), microseconds->data() + microseconds->size(), value);
  return Instant::from_unix(value);
}

std::string time_of_day(Instant time) { return time.to_iso().substr(11, 8); }

// One look: still recovering?, replayed to, time of the last transaction end replayed, paused?
std::string look_statement(int major) {
  const char* const paused =
      major >= 14 ? "CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() = 'paused' END"
                  : "CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END";
  return fmt::format(
      "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn(),"
      " (extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000)::bigint, {}",
      paused);
}

std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

}  // namespace

RestoredServer::RestoredServer(postgres::ServerStart start, ServerPlace place, Clock& clock, StopToken stop,
                               std::function<std::string()> why)
    : start_(std::move(start)),
      place_(std::move(place)),
      clock_(clock),
      stop_(std::move(stop)),
      why_(std::move(why)),
      process_(start_),
      began_(clock.steady()),
      told_(began_) {}

std::string RestoredServer::connection_string() const {
  return fmt::format("host={} port={} user={} dbname={}", quoted(place_.socket_directory.string()),
                     place_.port, quoted(place_.roles.at(role_)), database_);
}

std::optional<postgres::Connection> RestoredServer::try_connect() {
  for (role_ = 0; role_ < place_.roles.size(); ++role_) {
    for (const char* database : {"postgres", "template1"}) {
      database_ = database;
      postgres::ConnectionOptions options;
      options.connection_string = connection_string();
      options.connect_timeout = 5s;
      try {
        return postgres::Connection(options, stop_);
      } catch (const Error& failure) {
        if (failure.kind() == ErrorKind::unavailable) {  // not up yet, or not consistent yet
          role_ = 0;
          return std::nullopt;
        }
        if (failure.kind() == ErrorKind::interrupted) throw;
        refusal_ = failure.what();
      }
    }
  }
  role_ = 0;
  throw Error(ErrorKind::unavailable,
              fmt::format("the restored server runs, but lets nobody of us in: {}", refusal_))
      .code("no_role")
      .hint("name a superuser role of that cluster with --database-user");
}

postgres::Connection& RestoredServer::connection() {
  while (!connection_) {
    connection_ = try_connect();
    if (connection_) break;
    if (!process_.running()) throw failure("the server ended");
    if (!clock_.sleep(kFirstLook, stop_)) stop_.throw_if_stopped();
  }
  return *connection_;
}

Error RestoredServer::failure(const std::string& what) {
  const std::string cause = why_ ? why_() : std::string();
  return Error(ErrorKind::unavailable, fmt::format("{}{}{}; the end of its log:\n{}", what,
                                                   cause.empty() ? "" : ": ", cause, log_tail()))
      .code("recovery_failed")
      .hint(fmt::format(
          "mend the cause and start it again (pg_ctl -D {} start), or restore anew; all of its log is in {}",
          start_.data_directory.string(), start_.log_file.string()));
}

RecoveryEnd RestoredServer::ended() {
  const auto control =
      pgdata::parse_control_file(disk::read_whole_file(start_.data_directory / kControlFile, 1 << 20));
  if (control && control->state == pgdata::ClusterState::shut_down_in_recovery &&
      process_.exit_status() == 0) {
    return RecoveryEnd::shut_down;
  }
  throw failure(
      fmt::format("recovery failed, the server ended with status {}", process_.exit_status().value_or(-1)));
}

RecoveryEnd RestoredServer::watch(const catalog::RestorePlan& plan, Progress& progress) {
  progress.begin("replaying WAL", 0);
  for (;;) {
    stop_.throw_if_stopped();
    if (!process_.running()) {
      connection_.reset();
      progress.end();
      return ended();
    }
    if (const auto end = look(plan, progress)) {
      progress.end();
      return *end;
    }
    // Short restores deserve short waits.
    const bool early = clock_.steady() - began_ < 2s;
    if (!clock_.sleep(early ? kFirstLook : kLaterLook, stop_)) stop_.throw_if_stopped();
  }
}

std::optional<RecoveryEnd> RestoredServer::look(const catalog::RestorePlan& plan, Progress& progress) {
  try {
    if (!connection_) connection_ = try_connect();
    if (!connection_) return std::nullopt;
    const auto row = connection_->query(look_statement(connection_->major())).rows.at(0);
    if (row.at(0) == "f") return RecoveryEnd::promoted;
    if (row.at(3) == "t") return RecoveryEnd::paused;
    tell(plan, parse_lsn(row.at(1)), parse_instant(row.at(2)), progress);
  } catch (const Error& failure) {
    if (failure.kind() == ErrorKind::interrupted || failure.code() == "no_role") throw;
    connection_.reset();  // it may be shutting down: the next round sees that
  }
  return std::nullopt;
}

void RestoredServer::tell(const catalog::RestorePlan& plan, Lsn replayed, std::optional<Instant> time,
                          Progress& progress) {
  const auto now = clock_.steady();
  if (!first_replayed_.valid()) {
    first_replayed_ = replayed;
    first_look_ = now;
  }
  if (now - told_ < kTellEvery || !replayed.valid()) return;
  told_ = now;
  std::string text = fmt::format("at {} of {}", replayed.to_string(), plan.wal_to.to_string());
  if (time && plan.resolved_time)
    text = fmt::format("at {} of {}", time_of_day(*time), time_of_day(*plan.resolved_time));
  const double seconds = std::chrono::duration<double>(now - first_look_).count();
  if (replayed > first_replayed_ && plan.wal_to > replayed && seconds > 0) {
    const double rate = static_cast<double>(replayed - first_replayed_) / seconds;
    text += fmt::format(", {:.0f} MB/s, {:.0f} s left", rate / 1e6,
                        static_cast<double>(plan.wal_to - replayed) / rate);
  }
  progress.note(text);
}

std::optional<std::string> RestoredServer::status_of(std::optional<std::uint64_t> full_xid,
                                                     std::uint32_t xid) {
  postgres::Connection& server = connection();
  if (!full_xid) {
    // The epoch is the server's own: the full number nearest to its next one.
    const std::string next = server.query("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").value();
    std::uint64_t known = 0;
    std::from_chars(next.data(), next.data() + next.size(), known);
    const auto distance = static_cast<std::int32_t>(xid - static_cast<std::uint32_t>(known));
    full_xid = static_cast<std::uint64_t>(static_cast<std::int64_t>(known) + distance);
  }
  try {
    const auto rows = server.query("SELECT pg_xact_status($1::xid8)", {std::to_string(*full_xid)});
    return rows.rows.at(0).at(0);  // NULL: too old to tell
  } catch (const Error& failure) {
    if (failure.kind() == ErrorKind::interrupted || failure.kind() == ErrorKind::unavailable) throw;
    return std::nullopt;  // "is in the future": this server has never seen it
  }
}

ReachedFacts RestoredServer::read_reached(const catalog::RestorePlan& plan) {
  ReachedFacts facts;
  const auto row = connection().query(look_statement(connection().major())).rows.at(0);
  facts.replay_end = parse_lsn(row.at(1));
  if (plan.last_kept) facts.kept_status = status_of(plan.last_kept_full_xid, plan.last_kept->xid);
  if (plan.first_dropped)
    facts.dropped_status = status_of(plan.first_dropped_full_xid, plan.first_dropped->xid);
  return facts;
}

std::vector<std::string> RestoredServer::read_prepared_transactions() {
  std::vector<std::string> gids;
  for (const auto& row : connection().query("SELECT gid FROM pg_prepared_xacts ORDER BY gid").rows) {
    gids.push_back(row.at(0).value_or(""));
  }
  return gids;
}

void RestoredServer::promote() {
  const auto promoted = connection().query("SELECT pg_promote(true, 600)", {}, kPromotion).value();
  if (promoted != "t") throw failure("the server did not leave recovery within 600 s");
}

TimelineId RestoredServer::prove_write() {
  postgres::Connection& server = connection();
  while (server.query("SELECT pg_is_in_recovery()").value() == "t") {
    if (!process_.running()) throw failure("the server ended while it was promoted");
    if (!clock_.sleep(kFirstLook, stop_)) stop_.throw_if_stopped();
  }
  // One statement, so one transaction: it writes WAL, commits, and waits for its own disk alone.
  server.query("SET synchronous_commit = local; SET default_transaction_read_only = off");
  server.query("SELECT pg_logical_emit_message(true, 'tidemark', 'restored')");
  const std::string file = server.query("SELECT pg_walfile_name(pg_current_wal_insert_lsn())").value();
  std::uint32_t timeline = 0;
  std::from_chars(file.data(), file.data() + 8, timeline, 16);
  return TimelineId(timeline);
}

void RestoredServer::reload_configuration() { connection().query("SELECT pg_reload_conf()"); }

void RestoredServer::stop() {
  connection_.reset();
  process_.stop(postgres::ServerProcess::Shutdown::fast, std::chrono::minutes(5));
}

}  // namespace tidemark::restore
