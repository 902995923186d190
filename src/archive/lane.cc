#include "archive/lane.h"

#include <fmt/format.h>

#include <random>
#include <utility>

#include "catalog/object_names.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::archive {
namespace {

constexpr auto kLongWait = std::chrono::seconds(5);
constexpr auto kCatchUpWait = std::chrono::milliseconds(500);

double random_spread() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

}  // namespace

Lane::Lane(std::shared_ptr<repository::WalArchive> archive, std::shared_ptr<repository::WalArchive> source,
           const LaneOptions& options, Lsn durable, WalWindow& window, Chores& chores, Clock& clock,
           std::function<void()> advanced)
    : archive_(std::move(archive)),
      source_(std::move(source)),
      options_(options),
      window_(window),
      chores_(chores),
      clock_(clock),
      advanced_(std::move(advanced)),
      timeline_(window.options().timeline),
      segment_size_(window.options().segment_size),
      reader_(window.add_reader(durable, !options.required)),
      durable_(durable.value()),
      source_durable_(0) {
  const Lsn begin = wal::segment_of_start(durable, segment_size_).start(segment_size_);
  parts_of_segment_ = durable > begin;
  if (durable < window.options().start) window_.detach(reader_);
  status_.repository = archive_->repository().name();
  status_.required = options_.required;
  status_.durable = durable;
}

void Lane::run(const StopToken& stop) {
  BackOff back_off(options_.first_wait, options_.longest_wait);
  for (;;) {
    if (stop.stop_requested()) return;
    try {
      switch (turn(stop)) {
        case Turn::shipped:
          back_off.reset();
          break;
        case Turn::waited:
          break;
        case Turn::done:
          return;
      }
    } catch (const Error& error) {
      open_.reset();  // its end is unknown after a failure, and it is never reopened
      note_error(error);
      if (error.code() == "divergent_wal") {
        set_state(LaneState::divergent);
        window_.detach(reader_);
        advanced_();
        if (options_.required) throw;
        return;
      }
      set_state(LaneState::failing);
      advanced_();
      clock_.sleep(back_off.take(random_spread()), stop);
    }
  }
}

Lane::Turn Lane::turn(const StopToken& stop) {
  if (!options_.required && !window_.attached(reader_)) return catch_up();
  const WalWindow::Look look = window_.look(durable());
  if (look.closed && look.received <= durable()) return Turn::done;
  SteadyTime due = clock_.steady() + kLongWait;
  if (ship_due(look, due)) {
    ship(look);
    return Turn::shipped;
  }
  if (!stop.stop_requested()) window_.wait_change(look.version, due);
  return Turn::waited;
}

// `due` becomes the moment to look again when it is not due now.
bool Lane::ship_due(const WalWindow::Look& look, SteadyTime& due) {
  const SteadyTime now = clock_.steady();
  if (look.received <= durable()) {
    waiting_since_.reset();
    return false;
  }
  if (!waiting_since_) waiting_since_ = now;
  const auto at = shipping_due(options_.rule, Unshipped{.any_bytes = true,
                                                        .segment_full = look.segment_full,
                                                        .first_byte_arrival = *waiting_since_,
                                                        .first_end_arrival = look.first_end_arrival,
                                                        .synchronous = look.synchronous,
                                                        .demanded = look.demanded});
  if (at && *at <= now) return true;
  if (at) due = std::min(due, *at);
  return false;
}

void Lane::ship(const WalWindow::Look& look) {
  const WalWindow::Stretch stretch = window_.take(durable(), look.segment_full);
  const Lsn before = durable();
  if (stretch.whole) {
    store_whole(stretch);
  } else {
    store_part(stretch);
  }
  waiting_since_.reset();
  reached(stretch.end, stretch.end - before);
}

void Lane::store_whole(const WalWindow::Stretch& stretch) {
  const auto outcome = archive_->store_segment(timeline_, stretch.segment, stretch.bytes(), stretch.index());
  if (outcome == repository::StoreOutcome::conflict) diverged(stretch.segment);
  open_.reset();
  segment_done(stretch.segment, std::exchange(parts_of_segment_, false));
}

void Lane::segment_done(wal::SegmentNo segment, bool had_parts) {
  if (had_parts) chores_.remove_superseded(timeline_, segment);
  if (segment.next().value() % segment_size_.per_log() == 0)
    chores_.finish_log(timeline_, segment.log(segment_size_));
}

void Lane::store_part(const WalWindow::Stretch& stretch) {
  parts_of_segment_ = true;
  if (archive_->repository().store().features().append && append_to_open(stretch)) return;
  const auto outcome = archive_->store_piece(timeline_, stretch.start, stretch.bytes(), stretch.index());
  if (outcome == repository::StoreOutcome::conflict) diverged(stretch.segment);
}

// False when an open object with that start exists: one that an earlier try or run began and got nothing
// into. Its place is taken for good, so these bytes become a piece and the next ones an open object of their
// own.
bool Lane::append_to_open(const WalWindow::Stretch& stretch) {
  if (open_ && open_->end() != stretch.start) open_.reset();
  if (!open_) {
    try {
      open_ = archive_->open_segment(timeline_, stretch.start);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::mismatch) throw;
      return false;
    }
  }
  for (const WalWindow::Part& part : stretch.parts) open_->append(part.bytes, *part.index);
  open_->sync();
  return true;
}

Lane::Turn Lane::catch_up() {
  set_state(LaneState::catching_up);
  open_.reset();
  const wal::SegmentNo segment = wal::segment_of_start(durable(), segment_size_);
  if (window_.attach_again(reader_, durable())) {
    set_state(LaneState::shipping);
    return Turn::shipped;
  }
  const WalWindow::Look look = window_.look(durable());
  if (look.closed) return Turn::done;  // goes on next time; nobody waits for an optional repository
  if (Lsn(source_durable_.load()) < segment.end(segment_size_)) {
    window_.wait_change(look.version, clock_.steady() + kCatchUpWait);
    return Turn::waited;
  }
  copy_segment(segment);
  return Turn::shipped;
}

void Lane::copy_segment(wal::SegmentNo segment) {
  const Lsn start = segment.start(segment_size_), end = segment.end(segment_size_);
  const auto held = source_->read_segment(timeline_, segment);
  if (!held || held->valid_end < end) {
    throw Error(ErrorKind::not_found, fmt::format("repository {} does not hold {}, from which {} catches up",
                                                  source_->repository().name(), segment_text(segment),
                                                  archive_->repository().name()))
        .code("catch_up_source_missing");
  }
  const repository::WalRange range{
      .kind = wal::RangeKind::segment,
      .timeline = timeline_,
      .segment = segment,
      .start = start,
      .end = end,
      .name = catalog::segment_name(source_->incarnation(), timeline_, segment, segment_size_),
      .stored_bytes = 0};
  const wal::WalIndex index = source_->read_index(range);
  const auto outcome = archive_->store_segment(timeline_, segment, held->bytes, index);
  if (outcome == repository::StoreOutcome::conflict) diverged(segment);
  const Lsn before = durable();
  segment_done(segment, std::exchange(parts_of_segment_, false));
  reached(end, end - before);
}

void Lane::reached(Lsn durable, std::uint64_t bytes) {
  durable_ = durable.value();
  {
    const std::lock_guard lock(mutex_);
    status_.durable = durable;
    status_.ships += 1;
    status_.shipped_bytes += bytes;
    if (status_.state == LaneState::failing) status_.state = LaneState::shipping;
    if (status_.state == LaneState::shipping) status_.last_error.clear();
  }
  if (window_.attached(reader_)) window_.advance(reader_, durable);
  advanced_();
}

void Lane::note_error(const Error& error) {
  bool news = false;
  {
    const std::lock_guard lock(mutex_);
    news = status_.last_error != error.what();
    status_.last_error = error.what();
    status_.errors += 1;
  }
  // Once, not with every try: an outage may last for days.
  log(news ? LogLevel::warning : LogLevel::debug, "archive",
      fmt::format("repository {}: shipping WAL at {}: {}", archive_->repository().name(),
                  durable().to_string(), error.what()));
}

void Lane::set_state(LaneState state) {
  const std::lock_guard lock(mutex_);
  status_.state = state;
}

LaneStatus Lane::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::string Lane::segment_text(wal::SegmentNo segment) const {
  return "segment " + wal::segment_file_name(timeline_, segment, segment_size_);
}

void Lane::diverged(wal::SegmentNo segment) const {
  throw Error(ErrorKind::mismatch,
              fmt::format("repository {} holds other bytes for {} than the server sends now",
                          archive_->repository().name(), segment_text(segment)))
      .code("divergent_wal")
      .hint(
          "two servers wrote one timeline: find out which is the right one, and restore or promote it to a "
          "timeline of its own");
}

}  // namespace tidemark::archive
