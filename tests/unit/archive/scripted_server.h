#pragma once
// A server that exists only as WAL in memory, behind the two ports of the archiver: streaming and looking.
// The test says how far WAL is flushed, cuts connections, promotes, shuts down, and sees every status it was
// told. Any thread.

#include <poll.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "archive/archiver.h"
#include "tidemark/error.h"

namespace tidemark::test {

class ScriptedServer {
 public:
  struct Timeline {
    Lsn start;  // of the bytes the server has
    Bytes wal;
    std::string history;              // content of the file
    std::optional<Lsn> switch_point;  // it ended here
    TimelineId next;
  };

  ScriptedServer(SystemId system_id, wal::SegmentSize size) : system_id_(system_id), size_(size) {}

  void set_wal(TimelineId timeline, Lsn start, ByteView wal, std::string history = "") {
    const std::lock_guard lock(mutex_);
    timelines_[timeline] = {start, Bytes(wal.begin(), wal.end()), std::move(history), {}, {}};
    current_ = timeline;
  }
  void end_timeline(TimelineId timeline, Lsn at, TimelineId next) {
    const std::lock_guard lock(mutex_);
    timelines_.at(timeline).switch_point = at;
    timelines_.at(timeline).next = next;
  }
  void flush_to(Lsn flushed) {
    const std::lock_guard lock(mutex_);
    flushed_ = flushed;
  }
  void set_insert(Lsn insert, Instant clock) {
    const std::lock_guard lock(mutex_);
    insert_ = insert;
    clock_ = clock;
  }
  void set_sync_state(std::optional<std::string> state) {
    const std::lock_guard lock(mutex_);
    sync_state_ = std::move(state);
  }
  void set_slot(std::optional<postgres::SlotState> slot) {
    const std::lock_guard lock(mutex_);
    slot_ = std::move(slot);
  }
  void set_message_bytes(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    message_bytes_ = bytes;
  }
  // Streams that exist fail at their next call; with `down` new ones are refused too.
  void cut(bool down = false) {
    const std::lock_guard lock(mutex_);
    ++generation_;
    down_ = down;
  }
  void come_up() {
    const std::lock_guard lock(mutex_);
    down_ = false;
    shutting_down_ = false;
  }
  // As a walsender does it: all WAL is sent, then replies are demanded until flush is there, then it leaves.
  void shut_down() {
    const std::lock_guard lock(mutex_);
    shutting_down_ = true;
  }
  // The next start() is refused with this code and kind; until cleared.
  void refuse_start(std::optional<std::pair<ErrorKind, std::string>> refusal) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(refusal);
  }
  void on_status(std::function<void(const postgres::StandbyPositions&)> watch) {
    const std::lock_guard lock(mutex_);
    on_status_ = std::move(watch);
  }

  postgres::StandbyPositions told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  std::size_t statuses() const {
    const std::lock_guard lock(mutex_);
    return statuses_;
  }
  std::size_t starts() const {
    const std::lock_guard lock(mutex_);
    return starts_;
  }
  Lsn last_start() const {
    const std::lock_guard lock(mutex_);
    return last_start_;
  }
  bool left() const {  // the shutdown could end, because all was flushed or the client went
    const std::lock_guard lock(mutex_);
    return left_;
  }

  archive::ArchivePorts ports(disk::DurableOps& ops) {
    return {[this](const StopToken&) { return open_stream(); },
            [this](const StopToken&) { return open_probe(); }, ops, system_clock()};
  }

 private:
  class Stream;
  class Probe;
  std::unique_ptr<postgres::WalStream> open_stream();
  std::unique_ptr<archive::ServerProbe> open_probe();
  void check_up(int generation) const {
    if (down_ || generation != generation_) {
      throw Error(ErrorKind::unavailable, "the connection to the scripted server was lost")
          .code("connection_lost");
    }
  }

  const SystemId system_id_;
  const wal::SegmentSize size_;
  mutable std::mutex mutex_;  // guards all below
  std::map<TimelineId, Timeline> timelines_;
  TimelineId current_;
  Lsn flushed_, insert_;
  Instant clock_ = Instant::from_unix(1'790'000'000'000'000);
  std::optional<std::string> sync_state_ = "async";
  std::optional<postgres::SlotState> slot_;
  std::size_t message_bytes_ = 128 * 1024;
  int generation_ = 0;
  bool down_ = false, shutting_down_ = false, left_ = false;
  std::optional<std::pair<ErrorKind, std::string>> refusal_;
  std::function<void(const postgres::StandbyPositions&)> on_status_;
  postgres::StandbyPositions told_;
  std::size_t statuses_ = 0, starts_ = 0;
  Lsn last_start_;
};

class ScriptedServer::Stream final : public postgres::WalStream {
 public:
  explicit Stream(ScriptedServer& server) : server_(server), generation_(server.generation_) {}

  postgres::SystemIdentity identify() override {
    const std::lock_guard lock(server_.mutex_);
    server_.check_up(generation_);
    return {server_.system_id_, server_.current_, server_.flushed_};
  }
  std::string segment_size_setting() override { return std::to_string(server_.size_.bytes() >> 20) + "MB"; }
  std::string read_timeline_history(TimelineId timeline) override {
    const std::lock_guard lock(server_.mutex_);
    return server_.timelines_.at(timeline).history;
  }
  std::optional<postgres::TimelineEnd> start(const std::string&, Lsn from, TimelineId timeline) override {
    const std::lock_guard lock(server_.mutex_);
    server_.check_up(generation_);
    ++server_.starts_;
    server_.last_start_ = from;
    if (server_.refusal_)
      throw Error(server_.refusal_->first, "the scripted server refuses").code(server_.refusal_->second);
    timeline_ = timeline;
    at_ = from;
    const Timeline& wal = server_.timelines_.at(timeline);
    if (wal.switch_point == from) return postgres::TimelineEnd{wal.next, from};
    if (from < wal.start) throw Error(ErrorKind::refused, "removed").code("wal_removed");
    if (!wal.switch_point && from > server_.flushed_)
      throw Error(ErrorKind::mismatch, "ahead").code("ahead_of_server");
    streaming_ = true;
    return std::nullopt;
  }
  postgres::StreamEvent receive(std::chrono::steady_clock::time_point deadline, int wake) override {
    for (;;) {
      {
        const std::lock_guard lock(server_.mutex_);
        server_.check_up(generation_);
        if (auto event = next_event()) return *event;
      }
      if (std::chrono::steady_clock::now() >= deadline) return {};
      pollfd poll_wake{wake, POLLIN, 0};
      if (::poll(&poll_wake, 1, 1) > 0) return {};
    }
  }
  void send_status(const postgres::StandbyPositions& positions, bool) override {
    std::function<void(const postgres::StandbyPositions&)> watch;
    {
      const std::lock_guard lock(server_.mutex_);
      if (!streaming_) return;
      server_.check_up(generation_);
      server_.told_ = positions;
      ++server_.statuses_;
      demanded_ = false;
      watch = server_.on_status_;
    }
    if (watch) watch(positions);
  }
  void finish() override {
    const std::lock_guard lock(server_.mutex_);
    streaming_ = false;
  }
  ~Stream() override {
    const std::lock_guard lock(server_.mutex_);
    if (server_.shutting_down_) server_.left_ = true;
  }

 private:
  std::optional<postgres::StreamEvent> next_event() {
    using Kind = postgres::StreamEvent::Kind;
    const Timeline& wal = server_.timelines_.at(timeline_);
    const Lsn limit = wal.switch_point.value_or(std::min(server_.flushed_, wal.start + wal.wal.size()));
    postgres::StreamEvent event;
    event.server_end = limit;
    event.server_clock = server_.clock_;
    if (at_ < limit) {
      const std::size_t size = std::min<std::uint64_t>(limit - at_, server_.message_bytes_);
      sent_.assign(wal.wal.begin() + static_cast<std::ptrdiff_t>(at_ - wal.start),
                   wal.wal.begin() + static_cast<std::ptrdiff_t>(at_ - wal.start + size));
      event.kind = Kind::data;
      event.start = at_;
      event.bytes = sent_;
      at_ += size;
      return event;
    }
    if (wal.switch_point) {
      streaming_ = false;
      event.kind = Kind::timeline_end;
      event.timeline_end = postgres::TimelineEnd{wal.next, *wal.switch_point};
      return event;
    }
    if (!server_.shutting_down_) return std::nullopt;
    if (server_.told_.flush == at_) {
      server_.left_ = true;
      server_.down_ = true;
      event.kind = Kind::server_gone;
      return event;
    }
    if (demanded_) return std::nullopt;
    demanded_ = true;
    event.kind = Kind::keepalive;
    event.reply_requested = true;
    return event;
  }

  ScriptedServer& server_;
  const int generation_;
  TimelineId timeline_;
  Lsn at_;
  Bytes sent_;
  bool streaming_ = false;
  bool demanded_ = false;
};

class ScriptedServer::Probe final : public archive::ServerProbe {
 public:
  explicit Probe(ScriptedServer& server) : server_(server), generation_(server.generation_) {}
  archive::ServerLook look(const std::string&) override {
    const std::lock_guard lock(server_.mutex_);
    server_.check_up(generation_);
    if (server_.shutting_down_) throw Error(ErrorKind::unavailable, "the scripted server is shutting down");
    archive::ServerLook look;
    look.moment.clock = server_.clock_;
    look.moment.insert_lsn = server_.insert_.valid() ? server_.insert_ : server_.flushed_;
    look.moment.flush_lsn = server_.flushed_;
    look.sync_state = server_.sync_state_;
    look.slot = server_.slot_;
    return look;
  }
  archive::ServerSettings settings() override {
    return {150'018, 8192, 202'209'061, std::chrono::seconds(60)};
  }
  std::optional<postgres::SlotState> slot(const std::string&) override {
    const std::lock_guard lock(server_.mutex_);
    return server_.slot_;
  }
  void create_slot(const std::string& slot) override {
    const std::lock_guard lock(server_.mutex_);
    if (!server_.slot_) server_.slot_ = postgres::SlotState{slot, false, server_.flushed_, "reserved", {}, 0};
  }

 private:
  ScriptedServer& server_;
  const int generation_;
};

inline std::unique_ptr<postgres::WalStream> ScriptedServer::open_stream() {
  const std::lock_guard lock(mutex_);
  check_up(generation_);
  return std::make_unique<Stream>(*this);
}

inline std::unique_ptr<archive::ServerProbe> ScriptedServer::open_probe() {
  const std::lock_guard lock(mutex_);
  check_up(generation_);
  return std::make_unique<Probe>(*this);
}

}  // namespace tidemark::test
