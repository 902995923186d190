#include "archive/archiver.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "archive/attachment.h"
#include "archive/board.h"
#include "archive/chores.h"
#include "archive/pipeline.h"
#include "archive/wake_up.h"
#include "flow/worker_group.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::archive {
namespace {

double random_spread() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

struct Trouble {
  ArchiveState state = ArchiveState::server_unavailable;
  bool hopeless = false;  // without somebody's help
};

Trouble trouble_of(const Error& error, ArchiveState doing) {
  const std::string_view code = error.code();
  if (code == "slot_lost" || code == "slot_missing") return {ArchiveState::slot_lost, true};
  if (code == "wal_removed") return {ArchiveState::wal_removed, true};
  if (error.kind() == ErrorKind::mismatch) return {ArchiveState::divergent, true};
  if (doing == ArchiveState::waiting_for_repository) return {doing, false};
  return {ArchiveState::server_unavailable, !traits(error.kind()).retry};
}

}  // namespace

struct Archiver::State {
  State(const ArchiveOptions& given, Archives all, ArchivePorts given_ports);

  void run(const StopToken& outer);
  void stream_once(const StopToken& stop);
  void connect_and_stream(const StopToken& stop);
  void stream_on(postgres::WalStream& stream, const ServerIdentity& server, const StopToken& stop,
                 bool& ended);
  void fit_pipeline(const ServerIdentity& server, const StopToken& stop);
  void build_pipeline(const ServerIdentity& server);
  bool drain(Receiver* receiver, SteadyTime limit, const StopToken& stop);
  void settle(const Error& error);
  void wait_before_reconnect(const StopToken& stop);
  void note_progress();
  void note_end();
  void shut_down(Receiver* receiver);

  const ArchiveOptions options;
  const Archives archives;
  const ArchivePorts ports;
  Clock& clock;
  WakeUp wake;
  Board board;
  std::vector<std::unique_ptr<Chores>> chores;
  ServerWatch watch;

  // The run's thread only.
  std::shared_ptr<Pipeline> pipeline;
  bool rebuild = false;  // what the pipeline holds in memory is no place to go on from
  ArchiveState doing = ArchiveState::connecting;
  std::optional<TimelineId> ended_timeline;  // the server said so
  BackOff back_off;
  Microseconds reconnect_wait{0};
  std::string told_error;                    // logged since the last stream began
  std::optional<Instant> last_stored_proof;  // the watch's thread, and run() behind its end
};

Archiver::State::State(const ArchiveOptions& given, Archives all, ArchivePorts given_ports)
    : options(given),
      archives(std::move(all)),
      ports(std::move(given_ports)),
      clock(ports.clock),
      board(archives.at(0)->segment_size(), clock),
      watch(ports.open_probe, options.slot, options.look_interval, clock,
            [this](const ServerLook* look) {
              if (look != nullptr) board.saw_server(*look);
              note_progress();
              wake.signal();
            }),
      back_off(options.first_reconnect, options.longest_reconnect) {
  for (const auto& archive : archives) chores.push_back(std::make_unique<Chores>(archive, clock));
}

void Archiver::State::run(const StopToken& outer) {
  StopSource ending;
  const auto end = [&] {
    ending.request_stop();
    wake.signal();
  };
  const std::stop_callback on_stop(outer.std_token(), end);
  const StopToken stop = ending.token();
  // The helpers outlive the stop: the last proof and checkpoint are theirs to store. A failure of theirs ends
  // the job.
  const auto on_failure = [&](const std::exception_ptr&) { end(); };
  flow::WorkerGroup looking(StopToken(), on_failure);
  flow::WorkerGroup storing(StopToken(), on_failure);
  looking.start([this](const StopToken& token) { watch.run(token); });
  for (const auto& each : chores) {
    storing.start([&each = *each](const StopToken& token) { each.run(token); });
  }
  while (!stop.stop_requested()) stream_once(stop);
  if (outer.stop_requested()) shut_down(nullptr);
  looking.request_stop();
  looking.join();
  note_end();
  storing.join();
  board.set_state(ArchiveState::idle);
}

void Archiver::State::stream_once(const StopToken& stop) {
  reconnect_wait = options.first_reconnect;
  try {
    connect_and_stream(stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted && stop.stop_requested()) return;
    if (error.kind() == ErrorKind::internal) throw;
    settle(error);
  }
  wait_before_reconnect(stop);
}

void Archiver::State::connect_and_stream(const StopToken& stop) {
  board.set_state(doing = ArchiveState::connecting);
  const auto stream = ports.open_stream(stop);
  const auto probe = ports.open_probe(stop);
  const ServerIdentity server = identify_server(*stream, *probe, options.slot, *archives.front());
  const auto identity = cluster_identity(*archives.front(), server.settings, clock.now());
  for (const auto& each : chores) each->ensure_identity(identity);
  doing = ArchiveState::waiting_for_repository;
  store_histories(*stream, server.history, archives);
  for (bool ended = false; !ended && !stop.stop_requested();) {
    fit_pipeline(server, stop);
    if (stop.stop_requested()) break;
    doing = ArchiveState::connecting;
    stream_on(*stream, server, stop, ended);
    doing = ArchiveState::waiting_for_repository;
  }
  stream->finish();
}

// Streams the pipeline's timeline to its end, or until something else ends it.
void Archiver::State::stream_on(postgres::WalStream& stream, const ServerIdentity& server,
                                const StopToken& stop, bool& ended) {
  const auto end = stream.start(options.slot, pipeline->resume_from(), pipeline->timeline());
  board.note_connection();
  ReceiverOptions receiving = options.receiver;
  if (const auto timeout = server.settings.wal_sender_timeout; timeout.count() > 0) {
    receiving.status_interval = std::min(receiving.status_interval, timeout / 3);
  }
  Receiver receiver(stream, *pipeline, board, watch, wake, receiving, clock);
  StreamOutcome outcome = StreamOutcome::timeline_end;
  if (!end) {
    log_info("archive", fmt::format("streaming timeline {} from {}", pipeline->timeline().value(),
                                    pipeline->resume_from().to_string()));
    board.set_state(doing = ArchiveState::streaming);
    back_off.reset();
    told_error.clear();
    outcome = receiver.run(stop);
  }
  switch (outcome) {
    case StreamOutcome::timeline_end:
      if (pipeline->timeline() == server.system.timeline) {
        // It was promoted while we streamed: connect again and learn its history.
        ended = true;
        reconnect_wait = Microseconds(0);
      }
      rebuild = true;
      ended_timeline = pipeline->timeline();
      break;
    case StreamOutcome::stopped:
      ended = true;
      shut_down(&receiver);
      break;
    case StreamOutcome::server_gone:
      ended = true;
      board.note_error(ArchiveState::server_unavailable,
                       Error(ErrorKind::unavailable, "the server ended the stream, most likely to shut down")
                           .code("server_gone"));
      break;
    case StreamOutcome::let_go:
      ended = true;
      throw Error(ErrorKind::unavailable,
                  "the server waited for WAL to be archived, most likely to shut down, and a repository did "
                  "not take it")
          .code("let_go");
  }
}

// The pipeline at hand goes on where it can; otherwise what it holds is shipped before another one looks in
// the repositories where to go on.
void Archiver::State::fit_pipeline(const ServerIdentity& server, const StopToken& stop) {
  if (pipeline && pipeline->failed()) {
    pipeline.reset();
    board.use_pipeline(nullptr);
  }
  if (pipeline && !rebuild && pipeline->timeline() == server.system.timeline) {
    if (server.system.flush_lsn >= pipeline->window().received()) return;
    throw Error(ErrorKind::mismatch,
                fmt::format("WAL was received up to {}, but the server has it only up to {}",
                            pipeline->window().received().to_string(), server.system.flush_lsn.to_string()))
        .code("ahead_of_server")
        .hint(
            "the server lost WAL that was archived (restored, or crashed without fsync): restore it, or "
            "promote it to a new timeline");
  }
  if (pipeline) {
    board.set_state(ArchiveState::waiting_for_repository);
    pipeline->window().close();
    if (!drain(nullptr, SteadyTime::max(), stop)) return;
    pipeline.reset();
  }
  build_pipeline(server);
}

void Archiver::State::build_pipeline(const ServerIdentity& server) {
  const Continuation from =
      find_continuation(archives, {server.history, server.system.flush_lsn, server.slot_restart});
  if (ended_timeline && from.timeline <= *ended_timeline && server.system.timeline > *ended_timeline) {
    throw Error(ErrorKind::unavailable,
                fmt::format("timeline {} ended on the server, but the repositories do not reach its end",
                            ended_timeline->value()));
  }
  ended_timeline.reset();
  if (from.gap) {
    log_error("archive",
              fmt::format("WAL of timeline {} from {} to {} was never archived: the next backup opens a new "
                          "recovery window",
                          from.gap->timeline.value(), from.gap->from.to_string(), from.gap->to.to_string()));
    board.note_gap(*from.gap);
  }
  // Half of the objective is for the put itself.
  const PipelineSetup setup{.rule = {options.rpo_objective / 2, options.idle_ship_age},
                            .window_bytes = options.window_bytes,
                            .spool = options.spool};
  pipeline = std::make_shared<Pipeline>(setup, archives, chores, from, server.history, ports.ops, clock,
                                        [this] { wake.signal(); });
  board.use_pipeline(pipeline);
  rebuild = false;
}

// Until all that was received is durable in the required repositories: true. `limit` and the stop end it:
// false.
bool Archiver::State::drain(Receiver* receiver, SteadyTime limit, const StopToken& stop) {
  for (;;) {
    wake.clear();
    pipeline->rethrow_failure();
    if (receiver != nullptr) {
      receiver->tend_status();
    } else {
      board.advance();
    }
    if (pipeline->drained()) return true;
    const SteadyTime now = clock.steady();
    if (stop.stop_requested() || now >= limit) return false;
    wake.wait_until(std::min(limit, now + std::chrono::milliseconds(500)));
  }
}

void Archiver::State::settle(const Error& error) {
  const Trouble trouble = trouble_of(error, doing);
  // Once, not with every try: an outage may last for days.
  const bool news = std::exchange(told_error, error.what()) != error.what();
  log(news ? LogLevel::warning : LogLevel::debug, "archive", error.what());
  board.note_error(trouble.state, error);
  if (trouble.hopeless) rebuild = true;
  reconnect_wait = trouble.hopeless ? options.hopeless_reconnect : back_off.take(random_spread());
}

void Archiver::State::wait_before_reconnect(const StopToken& stop) {
  const SteadyTime until = clock.steady() + reconnect_wait;
  while (!stop.stop_requested() && clock.steady() < until) {
    wake.wait_until(until);
    wake.clear();
    board.advance();
  }
}

void Archiver::State::note_progress() {
  board.advance();
  const auto proof = board.newest_proof();
  if (!proof || (last_stored_proof && proof->time < *last_stored_proof + options.proof_interval)) return;
  last_stored_proof = proof->time;
  for (const auto& each : chores) each->store_proof(*proof);
}

// A proof and a checkpoint say where we stopped.
void Archiver::State::note_end() {
  const auto proof = board.newest_proof();
  const bool news = proof && (!last_stored_proof || *last_stored_proof < proof->time);
  for (const auto& each : chores) {
    if (news) each->store_proof(*proof);
    each->store_checkpoint();
    each->close();
  }
}

// What was received is shipped, and the server is told.
void Archiver::State::shut_down(Receiver* receiver) {
  if (!pipeline) return;
  pipeline->window().close();
  const bool drained =
      !pipeline->failed() && drain(receiver, clock.steady() + options.drain_limit, StopToken());
  if (!drained && pipeline->durable() < pipeline->window().received()) {
    log_warning("archive",
                fmt::format("stopped before the WAL from {} to {} was archived: the server keeps it",
                            pipeline->durable().to_string(), pipeline->window().received().to_string()));
  }
  board.advance();
  if (receiver != nullptr) receiver->send_status();
  board.use_pipeline(nullptr);
  pipeline.reset();
}

Archiver::Archiver(const ArchiveOptions& options, Archives archives, ArchivePorts ports) {
  const bool any_required = std::any_of(archives.begin(), archives.end(), [](const auto& archive) {
    return archive->repository().options().required;
  });
  if (!any_required) {
    throw Error(ErrorKind::config, "no repository is required, so nothing could ever be acknowledged")
        .hint("leave out `required: false` for at least one repository");
  }
  state_ = std::make_unique<State>(options, std::move(archives), std::move(ports));
}

Archiver::~Archiver() = default;

void Archiver::run(const StopToken& stop) { state_->run(stop); }

ArchiveStatus Archiver::status() const { return state_->board.status(&state_->watch); }

bool Archiver::wait_until_durable(Lsn lsn, SteadyTime deadline, const StopToken& stop) const {
  return state_->board.wait_until_durable(lsn, deadline, stop);
}

ArchivePorts archive_ports(const postgres::ConnectionOptions& connection, disk::DurableOps& ops,
                           Clock& clock) {
  return {[connection](const StopToken& stop) { return postgres::open_wal_stream(connection, stop); },
          [connection](const StopToken& stop) { return open_server_probe(connection, stop); }, ops, clock};
}

}  // namespace tidemark::archive
