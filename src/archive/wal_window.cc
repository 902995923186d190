#include "archive/wal_window.h"

#include <fmt/format.h>

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::archive {
namespace {

std::size_t buffers_within(const WindowOptions& options) {
  return std::max<std::size_t>(2, options.limit_bytes / options.segment_size.bytes());
}

std::optional<Instant> oldest_commit(const wal::WalIndex& index) {
  std::optional<Instant> oldest;
  for (const wal::TransactionEnd& end : index.ends) {
    if (end.committed() && (!oldest || end.time < *oldest)) oldest = end.time;
  }
  return oldest;
}

}  // namespace

ByteView WalWindow::Stretch::bytes() const {
  if (parts.empty()) return {};
  return {parts.front().bytes.data(), end - start};
}

wal::WalIndex WalWindow::Stretch::index() const {
  wal::WalIndex merged = *parts.front().index;
  for (std::size_t i = 1; i < parts.size(); ++i) merged.append(*parts[i].index);
  return merged;
}

WalWindow::WalWindow(const WindowOptions& options)
    : options_(options), segment_limit_(buffers_within(options)), received_(options.start) {
  TIDEMARK_CHECK(options.start.value() % options.segment_size.bytes() == 0);
}

std::span<Byte> WalWindow::space() {
  const std::lock_guard lock(mutex_);
  if ((segments_.empty() || full(segments_.back())) && !open_segment()) return {};
  Segment& segment = segments_.back();
  const std::uint64_t at = segment.end - segment.number.start(options_.segment_size);
  std::uint64_t room = options_.segment_size.bytes() - at;
  if (!segment.pieces.empty() && !segment.pieces.back().sealed) {
    const auto& piece = segment.pieces.back();
    if (piece.end - piece.start >= kPartBytes) {
      segment.pieces.back().sealed = true;
    } else {
      room = std::min(room, kPartBytes - (piece.end - piece.start));
    }
  }
  return {segment.buffer.get() + at, std::min(room, kPartBytes)};
}

bool WalWindow::open_segment() {
  drop_passed();
  if (segments_.size() >= segment_limit_) drop_slow_optional();
  if (segments_.size() >= segment_limit_) return false;
  Segment segment;
  segment.number = wal::segment_of_start(received_, options_.segment_size);
  segment.end = received_;
  if (spare_.empty()) {
    segment.buffer = std::make_shared_for_overwrite<Byte[]>(options_.segment_size.bytes());
  } else {
    segment.buffer = std::move(spare_.back());
    spare_.pop_back();
  }
  segments_.push_back(std::move(segment));
  return true;
}

void WalWindow::publish(std::size_t bytes, const wal::WalIndex& index, SteadyTime arrival) {
  const std::lock_guard lock(mutex_);
  Segment& segment = segments_.back();
  const Lsn start = segment.end;
  segment.end += bytes;
  received_ = segment.end;
  if (segment.pieces.empty() || segment.pieces.back().sealed) {
    segment.pieces.push_back({start, received_, std::make_shared<wal::WalIndex>(index), false});
  } else {
    segment.pieces.back().index->append(index);
    segment.pieces.back().end = received_;
  }
  if (!index.ends.empty() || !index.prepares.empty()) ends_.push_back({received_, arrival});
  if (const auto time = oldest_commit(index)) commits_.add(received_, *time);
  changed();
}

void WalWindow::end_part() {
  const std::lock_guard lock(mutex_);
  if (!segments_.empty() && !segments_.back().pieces.empty()) segments_.back().pieces.back().sealed = true;
}

ByteView WalWindow::held(Lsn from, Lsn to) const {
  const std::lock_guard lock(mutex_);
  const Segment& segment = segment_at(from);
  TIDEMARK_CHECK(to <= segment.end && from <= to);
  return {segment.buffer.get() + (from - segment.number.start(options_.segment_size)), to - from};
}

const WalWindow::Segment& WalWindow::segment_at(Lsn from) const {
  const wal::SegmentNo number = wal::segment_of_start(from, options_.segment_size);
  for (const Segment& segment : segments_) {
    if (segment.number == number) return segment;
  }
  throw Error(ErrorKind::internal, fmt::format("WAL at {} is no longer held in memory", from.to_string()));
}

Lsn WalWindow::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

Lsn WalWindow::first_held() const {
  const std::lock_guard lock(mutex_);
  return segments_.empty() ? received_ : segments_.front().number.start(options_.segment_size);
}

void WalWindow::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  demanded_ = received_;
  changed();
}

std::size_t WalWindow::add_reader(Lsn position, bool optional) {
  const std::lock_guard lock(mutex_);
  readers_.push_back({position, optional, true});
  return readers_.size() - 1;
}

void WalWindow::advance(std::size_t reader, Lsn position) {
  const std::lock_guard lock(mutex_);
  readers_[reader].position = std::max(readers_[reader].position, position);
  drop_passed();
  changed();
}

void WalWindow::detach(std::size_t reader) {
  const std::lock_guard lock(mutex_);
  readers_[reader].attached = false;
  drop_passed();
  changed();
}

bool WalWindow::attached(std::size_t reader) const {
  const std::lock_guard lock(mutex_);
  return readers_[reader].attached;
}

bool WalWindow::attach_again(std::size_t reader, Lsn position) {
  const std::lock_guard lock(mutex_);
  const Lsn held = segments_.empty() ? received_ : segments_.front().number.start(options_.segment_size);
  const Lsn begin = wal::segment_of_start(position, options_.segment_size).start(options_.segment_size);
  if (begin < held || (position > received_)) return false;
  readers_[reader].position = position;
  readers_[reader].attached = true;
  return true;
}

// The segment being filled stays: what is re-sent after a reconnect is compared with it.
void WalWindow::drop_passed() {
  Lsn slowest = received_;
  for (const Reader& reader : readers_) {
    if (reader.attached) slowest = std::min(slowest, reader.position);
  }
  while (!segments_.empty() && full(segments_.front()) && segments_.front().end <= slowest) {
    Segment& segment = segments_.front();
    if (segment.buffer.use_count() == 1 && spare_.size() < 2) spare_.push_back(std::move(segment.buffer));
    segments_.pop_front();
  }
  while (!ends_.empty() && ends_.front().end <= slowest) ends_.pop_front();
}

void WalWindow::drop_slow_optional() {
  const Lsn oldest_end = segments_.front().end;
  for (const Reader& reader : readers_) {
    if (reader.attached && !reader.optional && reader.position < oldest_end) return;  // those are waited for
  }
  for (Reader& reader : readers_) {
    if (reader.optional && reader.position < oldest_end) reader.attached = false;
  }
  drop_passed();
  changed();
}

WalWindow::Look WalWindow::look(Lsn from) const {
  const std::lock_guard lock(mutex_);
  Look look;
  look.version = version_;
  look.received = received_;
  look.synchronous = synchronous_;
  look.demanded = from < demanded_;
  look.closed = closed_;
  look.segment_full =
      received_ >= wal::segment_of_start(from, options_.segment_size).end(options_.segment_size);
  const auto end =
      std::upper_bound(ends_.begin(), ends_.end(), from,
                       [](Lsn position, const Arrival& arrival) { return position < arrival.end; });
  if (end != ends_.end()) look.first_end_arrival = end->time;
  return look;
}

void WalWindow::wait_change(std::uint64_t version, SteadyTime deadline) const {
  std::unique_lock lock(mutex_);
  condition_.wait_until(lock, deadline, [&] { return version_ != version; });
}

WalWindow::Stretch WalWindow::take(Lsn from, bool whole) {
  const std::lock_guard lock(mutex_);
  const wal::SegmentNo number = wal::segment_of_start(from, options_.segment_size);
  const auto at = std::find_if(segments_.begin(), segments_.end(),
                               [&](const Segment& segment) { return segment.number == number; });
  if (at == segments_.end()) {
    throw Error(ErrorKind::internal, fmt::format("WAL at {} is no longer held in memory", from.to_string()));
  }
  Stretch stretch;
  stretch.segment = number;
  stretch.whole = whole && full(*at);
  stretch.start = stretch.whole ? number.start(options_.segment_size) : from;
  stretch.end = at->end;
  stretch.buffer = at->buffer;
  if (!at->pieces.empty()) at->pieces.back().sealed = true;
  for (const auto& piece : at->pieces) {
    if (piece.end <= stretch.start) continue;
    TIDEMARK_CHECK(piece.start >= stretch.start);
    const Byte* bytes = at->buffer.get() + (piece.start - number.start(options_.segment_size));
    stretch.parts.push_back({piece.start, piece.end, ByteView(bytes, piece.end - piece.start), piece.index});
  }
  return stretch;
}

void WalWindow::demand(Lsn through) {
  const std::lock_guard lock(mutex_);
  if (through <= demanded_) return;
  demanded_ = through;
  changed();
}

void WalWindow::set_synchronous(bool synchronous) {
  const std::lock_guard lock(mutex_);
  if (synchronous_ == synchronous) return;
  synchronous_ = synchronous;
  changed();
}

void WalWindow::wake() {
  const std::lock_guard lock(mutex_);
  changed();
}

std::optional<Instant> WalWindow::oldest_commit_after(Lsn durable) const {
  const std::lock_guard lock(mutex_);
  return commits_.oldest_after(durable);
}

bool WalWindow::ends_all_below(Lsn durable) const {
  const std::lock_guard lock(mutex_);
  return ends_.empty() || ends_.back().end <= durable;
}

void WalWindow::forget_commits_through(Lsn durable) {
  const std::lock_guard lock(mutex_);
  commits_.forget_through(durable);
}

void WalWindow::changed() {
  ++version_;
  condition_.notify_all();
}

}  // namespace tidemark::archive
