#include "postgres/wal_stream.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "postgres/session.h"
#include "postgres/stream_error.h"
#include "postgres/values.h"
#include "postgres/wal_message.h"
#include "tidemark/clock.h"

namespace tidemark::postgres {

namespace {

// Messages carry at most 128 KiB; an event is handed out before another one might pass the limit.
constexpr std::size_t kMessageBytes = 128 * 1024;
constexpr std::size_t kEventBytes = 1024 * 1024;
constexpr auto kFinishLimit = std::chrono::seconds(2);

struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};
using CopyBuffer = std::unique_ptr<char, FreeMemory>;

void check_slot_name(const std::string& slot) {
  const bool good = slot.size() < 64 && std::all_of(slot.begin(), slot.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                    });
  if (!good) {
    throw Error(ErrorKind::config, fmt::format("'{}' cannot be the name of a replication slot", slot))
        .hint("use lower-case letters, digits and underscores, at most 63 of them");
  }
}

std::string text_at(const PGresult* result, int column) {
  if (PQntuples(result) < 1 || PQnfields(result) <= column) {
    throw Error(ErrorKind::internal, "a replication command gave another answer than its protocol promises");
  }
  return std::string(PQgetvalue(result, 0, column), static_cast<std::size_t>(PQgetlength(result, 0, column)));
}

TimelineEnd read_timeline_end(const PGresult* result) {
  const auto what = "the end of a timeline";
  return {TimelineId(static_cast<std::uint32_t>(parse_integer(text_at(result, 0), what))),
          parse_lsn(text_at(result, 1), what)};
}

class LibpqWalStream final : public WalStream {
 public:
  LibpqWalStream(const ConnectionOptions& options, const StopToken& stop)
      : session_(options, stop, Session::Purpose::physical_replication),
        statement_timeout_(options.statement_timeout) {
    merged_.reserve(kEventBytes + kMessageBytes);
  }

  SystemIdentity identify() override;
  std::string segment_size_setting() override;
  std::string read_timeline_history(TimelineId timeline) override;
  std::optional<TimelineEnd> start(const std::string& slot, Lsn from, TimelineId timeline) override;
  StreamEvent receive(Deadline deadline, int wake_descriptor) override;
  void send_status(const StandbyPositions& positions, bool request_reply) override;
  void finish() override;

 private:
  enum class Taken { nothing, merged, event_complete };

  Deadline statement_deadline() const { return std::chrono::steady_clock::now() + statement_timeout_; }
  Result ask(const std::string& command, const std::string& doing);
  std::optional<TimelineEnd> read_start_answer(Lsn from, TimelineId timeline);
  bool gather(Deadline deadline, int wake_descriptor);
  bool wait_for_input(Deadline deadline, int wake_descriptor);
  Taken take_message();
  Taken take_data(const WalMessage& message);
  StreamEvent hand_out_merged();
  StreamEvent end_copy();
  void put_status();
  void drain(Deadline deadline);

  Session session_;
  std::chrono::milliseconds statement_timeout_;
  bool streaming_ = false;
  bool copy_ended_ = false;  // the server ended the copy; the event is due after what was merged

  Bytes merged_;  // the data of the event being gathered
  StreamEvent gathered_;
  std::optional<StreamEvent> keepalive_;  // arrived behind gathered data
  Bytes held_;                            // a data message that did not join on; the next event's beginning
  std::optional<StreamEvent> held_event_;
  std::optional<StatusMessage> unsent_status_;  // the socket would not take it yet
};

Result LibpqWalStream::ask(const std::string& command, const std::string& doing) {
  const auto deadline = statement_deadline();
  session_.stop().throw_if_stopped();
  session_.send(command, deadline);
  Result answer;
  std::optional<Error> failure;
  while (auto result = session_.next_result(deadline, doing)) {
    if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) {
      answer = std::move(result);
    } else if (PQresultStatus(result.get()) != PGRES_COMMAND_OK && !failure) {
      failure = statement_error(result.get(), doing);
    }
  }
  if (failure) throw Error(*failure);
  if (!answer) throw Error(ErrorKind::internal, doing + ": no answer");
  return answer;
}

SystemIdentity LibpqWalStream::identify() {
  const auto doing = "asking for the system's identity";
  const auto answer = ask("IDENTIFY_SYSTEM", doing);
  const auto id = SystemId::parse(text_at(answer.get(), 0));
  if (!id) throw Error(ErrorKind::internal, fmt::format("{}: no system identifier", doing));
  return {*id, TimelineId(static_cast<std::uint32_t>(parse_integer(text_at(answer.get(), 1), doing))),
          parse_lsn(text_at(answer.get(), 2), doing)};
}

std::string LibpqWalStream::segment_size_setting() {
  return text_at(ask("SHOW wal_segment_size", "asking for the segment size").get(), 0);
}

std::string LibpqWalStream::read_timeline_history(TimelineId timeline) {
  const auto doing = fmt::format("reading the history of timeline {}", timeline.value());
  try {
    return text_at(ask(fmt::format("TIMELINE_HISTORY {}", timeline.value()), doing).get(), 1);
  } catch (const Error& error) {
    if (error.code() != "server_system_error") throw;  // SQLSTATE 58P01: the server has no such file
    throw Error(ErrorKind::not_found, error.message()).code("history_missing");
  }
}

std::optional<TimelineEnd> LibpqWalStream::start(const std::string& slot, Lsn from, TimelineId timeline) {
  check_slot_name(slot);
  // The server begins to stream before it compares positions, and then says "ahead of the flush position" in
  // its own language with a SQLSTATE that says nothing: so the positions are compared here.
  const auto identity = identify();
  if (identity.timeline == timeline && from > identity.flush_lsn)
    throw ahead_of_server(from, identity.flush_lsn);
  copy_ended_ = false;
  merged_.clear();
  keepalive_.reset();
  held_event_.reset();
  unsent_status_.reset();
  const auto slot_clause = slot.empty() ? std::string() : fmt::format("SLOT \"{}\" ", slot);
  session_.send(fmt::format("START_REPLICATION {}PHYSICAL {} TIMELINE {}", slot_clause, from.to_string(),
                            timeline.value()),
                statement_deadline());
  return read_start_answer(from, timeline);
}

std::optional<TimelineEnd> LibpqWalStream::read_start_answer(Lsn from, TimelineId timeline) {
  const auto deadline = statement_deadline();
  const auto doing = "starting to stream";
  std::optional<TimelineEnd> end;
  Result refusal;
  while (auto result = session_.next_result(deadline, doing)) {
    switch (PQresultStatus(result.get())) {
      case PGRES_COPY_BOTH:
        streaming_ = true;
        return std::nullopt;
      case PGRES_TUPLES_OK:
        end = read_timeline_end(result.get());
        break;
      case PGRES_COMMAND_OK:
        break;
      default:
        refusal = std::move(result);
    }
  }
  if (refusal) {
    const auto error = stream_error(refusal.get(), "starting to stream from " + from.to_string());
    throw error.code() == kUnclassified ? not_in_history(error, from, timeline) : error;
  }
  if (!end) throw Error(ErrorKind::internal, "the server neither streams nor tells the timeline's end");
  return end;
}

StreamEvent LibpqWalStream::receive(Deadline deadline, int wake_descriptor) {
  if (!streaming_) throw Error(ErrorKind::internal, "receiving from a stream that was not started");
  if (keepalive_) return *std::exchange(keepalive_, std::nullopt);
  merged_.clear();
  if (held_event_) {
    merged_.swap(held_);
    gathered_ = *std::exchange(held_event_, std::nullopt);
  }
  put_status();
  if (!copy_ended_ && !gather(deadline, wake_descriptor)) return {};
  if (!merged_.empty()) return hand_out_merged();
  if (keepalive_) return *std::exchange(keepalive_, std::nullopt);
  return end_copy();
}

// Takes messages until an event is complete; false when there was none before the deadline or the wake-up.
// The socket is waited for only while nothing was taken, and read once more before a part is handed out.
bool LibpqWalStream::gather(Deadline deadline, int wake_descriptor) {
  for (bool looked = false; merged_.size() < kEventBytes;) {
    const auto taken = take_message();
    if (taken == Taken::event_complete) return true;
    if (taken == Taken::merged) {
      looked = false;
      continue;
    }
    if (!merged_.empty() && looked) return true;
    if (merged_.empty() && !wait_for_input(deadline, wake_descriptor)) return false;
    if (PQconsumeInput(session_.raw()) == 0) {
      streaming_ = false;
      throw session_.lost("streaming WAL");
    }
    looked = true;
  }
  return true;
}

bool LibpqWalStream::wait_for_input(Deadline deadline, int wake_descriptor) {
  for (;;) {
    const auto events = static_cast<short>(unsent_status_ ? POLLIN | POLLOUT : POLLIN);
    switch (session_.wait(events, deadline, wake_descriptor)) {
      case Session::Ready::readable:
        return true;
      case Session::Ready::writable:
        put_status();
        break;
      case Session::Ready::woken:
      case Session::Ready::deadline:
        return false;
    }
  }
}

// One message out of libpq's buffer, without reading the socket.
LibpqWalStream::Taken LibpqWalStream::take_message() {
  char* memory = nullptr;
  const int size = PQgetCopyData(session_.raw(), &memory, 1);
  const CopyBuffer owner(memory);
  if (size == 0) return Taken::nothing;
  if (size == -1) {
    copy_ended_ = true;
    return Taken::event_complete;
  }
  if (size < 0) {
    streaming_ = false;
    throw session_.lost("streaming WAL");
  }
  const auto message =
      parse_wal_message({reinterpret_cast<const Byte*>(memory), static_cast<std::size_t>(size)});
  if (message.kind == WalMessage::Kind::data) return take_data(message);
  StreamEvent event;
  event.kind = StreamEvent::Kind::keepalive;
  event.server_end = message.server_end;
  event.server_clock = message.server_clock;
  event.reply_requested = message.reply_requested;
  keepalive_ = event;
  return Taken::event_complete;
}

LibpqWalStream::Taken LibpqWalStream::take_data(const WalMessage& message) {
  if (message.bytes.empty()) return Taken::merged;
  StreamEvent event;
  event.kind = StreamEvent::Kind::data;
  event.start = message.start;
  event.server_end = message.server_end;
  event.server_clock = message.server_clock;
  if (!merged_.empty() && gathered_.start + merged_.size() != message.start) {
    held_.assign(message.bytes.begin(), message.bytes.end());
    held_event_ = event;
    return Taken::event_complete;
  }
  if (!merged_.empty()) event.start = gathered_.start;
  gathered_ = event;
  merged_.insert(merged_.end(), message.bytes.begin(), message.bytes.end());
  return Taken::merged;
}

StreamEvent LibpqWalStream::hand_out_merged() {
  gathered_.bytes = merged_;
  return gathered_;
}

// The server's CopyDone stands for a timeline's end, a bare CommandComplete for a shutdown, an ErrorResponse
// for the rest.
StreamEvent LibpqWalStream::end_copy() {
  streaming_ = false;
  copy_ended_ = false;
  const auto deadline = statement_deadline();
  StreamEvent event;
  event.kind = StreamEvent::Kind::server_gone;
  std::optional<Error> failure;
  while (auto result = session_.next_result(deadline, "ending the stream")) {
    switch (PQresultStatus(result.get())) {
      case PGRES_COPY_IN:
      case PGRES_COPY_BOTH:
        if (PQputCopyEnd(session_.raw(), nullptr) < 0) throw session_.lost("ending the stream");
        session_.flush(deadline);
        break;
      case PGRES_TUPLES_OK:
        event.timeline_end = read_timeline_end(result.get());
        event.kind = StreamEvent::Kind::timeline_end;
        break;
      case PGRES_COMMAND_OK:
        if (event.timeline_end) break;
        session_.close();  // a server that shuts down hangs up behind this
        return event;
      default:
        if (!failure) failure = broken_off(stream_error(result.get(), "streaming WAL"));
    }
  }
  if (failure) throw Error(*failure);
  return event;
}

void LibpqWalStream::send_status(const StandbyPositions& positions, bool request_reply) {
  if (!streaming_) return;
  const bool asks = request_reply || (unsent_status_ && unsent_status_->back() != 0);
  unsent_status_ = render_status(positions, system_clock().now(), asks);
  put_status();
}

// At most one status lies in libpq's buffer and one with us, however long the socket takes nothing.
void LibpqWalStream::put_status() {
  const auto lost = [&] {
    streaming_ = false;
    return session_.lost("sending our positions");
  };
  const int left = PQflush(session_.raw());
  if (left < 0) throw lost();
  if (left > 0 || !unsent_status_) return;
  const auto put = PQputCopyData(session_.raw(), reinterpret_cast<const char*>(unsent_status_->data()),
                                 static_cast<int>(unsent_status_->size()));
  if (put < 0) throw lost();
  if (put > 0) unsent_status_.reset();
  if (PQflush(session_.raw()) < 0) throw lost();
}

void LibpqWalStream::finish() {
  if (!session_.open() || !streaming_) return;
  streaming_ = false;
  try {
    const auto deadline = std::chrono::steady_clock::now() + kFinishLimit;
    put_status();
    if (PQputCopyEnd(session_.raw(), nullptr) >= 0) return drain(deadline);
  } catch (const Error&) {
    // Whoever leaves does not care how the server takes it.
  }
  session_.close();
}

// Discards what is still on its way, up to the end of the copy and the command.
void LibpqWalStream::drain(Deadline deadline) {
  for (bool done = false; !done;) {
    if (PQflush(session_.raw()) < 0) throw session_.lost("ending the stream");
    char* memory = nullptr;
    const int size = PQgetCopyData(session_.raw(), &memory, 1);
    const CopyBuffer owner(memory);
    if (size == -2) throw session_.lost("ending the stream");
    done = size == -1;
    if (size != 0) continue;
    if (std::chrono::steady_clock::now() >= deadline) return session_.close();
    // A stop that is already requested must not turn this into a busy loop: only the socket is waited for.
    pollfd socket{PQsocket(session_.raw()), POLLIN, 0};
    ::poll(&socket, 1, 50);
    if (PQconsumeInput(session_.raw()) == 0) throw session_.lost("ending the stream");
  }
  while (PQstatus(session_.raw()) != CONNECTION_BAD) {
    pollfd socket{PQsocket(session_.raw()), POLLIN, 0};
    while (PQisBusy(session_.raw()) != 0) {
      if (std::chrono::steady_clock::now() >= deadline) return session_.close();
      ::poll(&socket, 1, 50);
      if (PQconsumeInput(session_.raw()) == 0) throw session_.lost("ending the stream");
    }
    const Result result(PQgetResult(session_.raw()));
    if (!result) return;
  }
  session_.close();
}

}  // namespace

std::unique_ptr<WalStream> open_wal_stream(const ConnectionOptions& options, const StopToken& stop) {
  return std::make_unique<LibpqWalStream>(options, stop);
}

}  // namespace tidemark::postgres
