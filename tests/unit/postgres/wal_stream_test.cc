#include "postgres/wal_stream.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "harness/program.h"
#include "unit/postgres/shared_cluster.h"

namespace tidemark::postgres {
namespace {

using namespace std::chrono_literals;
using Kind = StreamEvent::Kind;

constexpr std::uint64_t kMegabyte = 1 << 20;

std::chrono::steady_clock::time_point within(std::chrono::milliseconds span) {
  return std::chrono::steady_clock::now() + span;
}

Lsn segment_start(Lsn lsn, std::uint64_t bytes) { return Lsn(lsn.value() / bytes * bytes); }

// A server with small segments, a slot, and a stream that has not been started.
class WalStreamTest : public testing::Test {
 protected:
  explicit WalStreamTest(const std::vector<std::string>& settings = {})
      : cluster_({.segment_megabytes = 1, .settings = settings}), sql_(cluster_.connect()) {
    create_physical_slot(sql_, "tm");
    stream_ = open_wal_stream(options(), stop_.token());
  }
  ConnectionOptions options() const { return {cluster_.connection_string()}; }
  Lsn flushed() { return read_server_moment(sql_).flush_lsn; }
  Lsn begin() { return segment_start(flushed(), kMegabyte); }
  void write_some(int rows = 5000) {
    sql_.query("CREATE TABLE IF NOT EXISTS load(i int, t text)");
    sql_.query("INSERT INTO load SELECT i, repeat('x', 100) FROM generate_series(1, $1) i",
               {std::to_string(rows)});
  }
  // All bytes from `from` up to `to`, checked to be contiguous.
  Bytes stream_until(Lsn from, Lsn to) {
    Bytes all;
    while (from + all.size() < to) {
      const auto event = stream_->receive(within(10s), -1);
      if (event.kind == Kind::keepalive) continue;
      if (event.kind != Kind::data) {
        ADD_FAILURE() << "no data";
        return all;
      }
      EXPECT_EQ(event.start, from + all.size());
      EXPECT_GE(event.server_end, event.start + event.bytes.size());
      all.insert(all.end(), event.bytes.begin(), event.bytes.end());
    }
    return all;
  }
  // The next event that is neither data nor a keepalive.
  StreamEvent next_end() {
    for (;;) {
      const auto event = stream_->receive(within(20s), -1);
      if (event.kind != Kind::data && event.kind != Kind::keepalive) return event;
    }
  }
  Bytes segment_files(Lsn from, Lsn to, int timeline = 1) {
    Bytes all;
    for (auto at = from; at < to; at += kMegabyte) {
      char name[32];
      std::snprintf(name, sizeof name, "%08X%08X%08X", timeline, static_cast<unsigned>(at.value() >> 32),
                    static_cast<unsigned>((at.value() & 0xffffffff) / kMegabyte));
      const auto text = test::read_text_file(cluster_.data_directory() / "pg_wal" / name);
      EXPECT_EQ(text.size(), kMegabyte) << name;
      all.insert(all.end(), text.begin(), text.end());
    }
    return all;
  }

  test::PostgresCluster cluster_;
  Connection sql_;
  StopSource stop_;
  std::unique_ptr<WalStream> stream_;
};

TEST_F(WalStreamTest, TellsIdentityAndSegmentSize) {
  const auto identity = stream_->identify();
  EXPECT_EQ(identity.system_id.to_string(),
            cluster_.sql("SELECT system_identifier FROM pg_control_system()"));
  EXPECT_EQ(identity.timeline, TimelineId(1));
  EXPECT_LE(identity.flush_lsn, flushed());
  EXPECT_EQ(stream_->segment_size_setting(), "1MB");
}

TEST_F(WalStreamTest, StreamsTheBytesOfTheSegmentFiles) {
  const auto from = begin();
  write_some(40'000);
  const auto to = flushed();
  ASSERT_GT(to - from, 4 * kMegabyte);
  ASSERT_EQ(stream_->start("tm", from, TimelineId(1)), std::nullopt);
  const auto streamed = stream_until(from, to);
  const auto files = segment_files(from, to);
  ASSERT_LE(to - from, streamed.size());
  EXPECT_TRUE(
      std::equal(streamed.begin(), streamed.begin() + static_cast<std::ptrdiff_t>(to - from), files.begin()));
}

TEST_F(WalStreamTest, MergesTheSmallMessagesThatArrivedMeanwhile) {
  sql_.query("CREATE TABLE small(i int)");
  sql_.query("SELECT pg_switch_wal()");
  const auto from = begin();
  stream_->start("tm", from, TimelineId(1));
  Lsn at = from + stream_until(from, flushed()).size();
  for (int i = 0; i < 30; ++i)
    sql_.query("INSERT INTO small VALUES (1)");  // a message each, one after the other
  const auto to = flushed();
  ASSERT_TRUE(test::eventually(
      [&] { return Lsn::parse(cluster_.sql("SELECT sent_lsn FROM pg_stat_replication")) >= to; }));
  auto event = stream_->receive(within(10s), -1);
  while (event.kind == Kind::keepalive) event = stream_->receive(within(10s), -1);
  ASSERT_EQ(event.kind, Kind::data);
  EXPECT_EQ(event.start, at);
  EXPECT_GE(event.start + event.bytes.size(), to);
}

TEST_F(WalStreamTest, AnEventIsBounded) {
  const auto from = begin();
  write_some(60'000);
  stream_->start("tm", from, TimelineId(1));
  std::size_t largest = 0;
  Lsn at = from;
  for (const auto to = flushed(); at < to;) {
    const auto event = stream_->receive(within(10s), -1);
    if (event.kind != Kind::data) continue;
    ASSERT_EQ(event.start, at);
    at += event.bytes.size();
    largest = std::max(largest, event.bytes.size());
  }
  EXPECT_LE(largest, kMegabyte + 128U * 1024);
}

TEST_F(WalStreamTest, TheReportedPositionsReachTheServer) {
  const auto from = begin();
  write_some();
  const auto to = flushed();
  stream_->start("tm", from, TimelineId(1));
  stream_until(from, to);
  stream_->send_status({to, segment_start(to, kMegabyte)}, false);
  const auto restart = segment_start(to, kMegabyte);
  EXPECT_TRUE(test::eventually([&] { return read_slot(sql_, "tm")->restart_lsn == restart; }));
  EXPECT_TRUE(read_slot(sql_, "tm")->active);
  EXPECT_EQ(cluster_.sql("SELECT write_lsn FROM pg_stat_replication"), to.to_string());
  EXPECT_EQ(cluster_.sql("SELECT replay_lsn IS NULL FROM pg_stat_replication"), "t");
  EXPECT_EQ(read_sync_state(sql_, "tm"), "async");
}

TEST_F(WalStreamTest, AnAskedReplyComesAsKeepalive) {
  const auto from = begin();
  stream_->start("tm", from, TimelineId(1));
  stream_until(from, flushed());
  stream_->send_status({from, from}, true);
  StreamEvent event;
  do {
    event = stream_->receive(within(10s), -1);
  } while (event.kind == Kind::data);
  ASSERT_EQ(event.kind, Kind::keepalive);
  EXPECT_GE(event.server_end, from);
  EXPECT_GT(event.server_clock, Instant());
}

TEST_F(WalStreamTest, WaitsEndAtTheDeadlineTheWakeUpAndTheStop) {
  const auto from = begin();
  stream_->start("tm", from, TimelineId(1));
  stream_until(from, flushed());
  while (stream_->receive(within(50ms), -1).kind != Kind::timeout) continue;
  const int wake = ::eventfd(1, EFD_CLOEXEC);
  StreamEvent event = stream_->receive(within(60s), wake);
  ::close(wake);
  EXPECT_EQ(event.kind, Kind::timeout);
  std::jthread stopper([&] { stop_.request_stop(); });
  do {
    event = stream_->receive(within(60s), -1);
  } while (event.kind == Kind::data || event.kind == Kind::keepalive);
  EXPECT_EQ(event.kind, Kind::timeout);
  stream_->send_status({from, from}, false);  // a stop does not keep the last status from being sent
  stream_->finish();
}

class ShortSenderTimeout : public WalStreamTest {
 protected:
  ShortSenderTimeout() : WalStreamTest({"wal_sender_timeout = '1s'"}) {}
};

TEST_F(ShortSenderTimeout, StatusesKeepTheLinkWhileNothingIsReceived) {
  const auto from = begin();
  write_some(60'000);  // more than the socket takes: the server stands still in the middle of sending
  stream_->start("tm", from, TimelineId(1));
  for (const auto end = within(3s); std::chrono::steady_clock::now() < end;) {
    stream_->send_status({from, from}, false);
    std::this_thread::sleep_for(100ms);
  }
  stream_until(from, flushed());
}

TEST_F(ShortSenderTimeout, SilenceIsCutByTheServer) {
  const auto from = begin();
  stream_->start("tm", from, TimelineId(1));
  const auto error = error_of([&] {
    for (const auto end = within(20s); std::chrono::steady_clock::now() < end;) stream_->receive(end, -1);
  });
  EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  EXPECT_EQ(error.code(), "connection_lost");
}

TEST_F(WalStreamTest, AnOrderlyShutdownSendsEverythingAndSaysGoodbye) {
  auto from = begin();
  stream_->start("tm", from, TimelineId(1));
  std::jthread stopper([&] { cluster_.stop("fast"); });
  for (;;) {
    const auto event = stream_->receive(within(20s), -1);
    if (event.kind == Kind::server_gone) break;
    ASSERT_NE(event.kind, Kind::timeout);
    if (event.kind == Kind::data) from = event.start + event.bytes.size();
    stream_->send_status({from, from},
                         false);  // the server waits until its last record is reported as flushed
  }
  EXPECT_EQ(error_of([&] { stream_->identify(); }).kind(), ErrorKind::unavailable);
}

TEST_F(WalStreamTest, AKilledServerIsUnavailable) {
  stream_->start("tm", begin(), TimelineId(1));
  std::jthread killer([&] { cluster_.kill(); });
  EXPECT_EQ(error_of([&] { next_end(); }).kind(), ErrorKind::unavailable);
  stream_->finish();
}

TEST_F(WalStreamTest, AfterFinishingAnotherStartIsPossible) {
  const auto from = begin();
  write_some();
  stream_->start("tm", from, TimelineId(1));
  stream_->receive(within(10s), -1);
  stream_->finish();
  EXPECT_EQ(stream_->identify().timeline, TimelineId(1));
  stream_->start("tm", from, TimelineId(1));
  stream_until(from, flushed());
}

TEST_F(WalStreamTest, ASlotInUseIsUnavailable) {
  const auto from = begin();
  stream_->start("tm", from, TimelineId(1));
  auto second = open_wal_stream(options(), StopToken());
  const auto error = error_of([&] { second->start("tm", from, TimelineId(1)); });
  EXPECT_EQ(error.kind(), ErrorKind::unavailable);
  EXPECT_EQ(error.code(), "slot_active");
  stream_->finish();
  EXPECT_TRUE(test::eventually([&] {
    try {
      return !second->start("tm", from, TimelineId(1));
    } catch (const Error&) {
      return false;
    }
  }));
}

TEST_F(WalStreamTest, RefusalsAreTold) {
  const auto from = begin();
  const auto code = [&](const std::string& slot, Lsn at, std::uint32_t timeline) {
    return std::string(error_of([&] { stream_->start(slot, at, TimelineId(timeline)); }).code());
  };
  EXPECT_EQ(code("tm", from + 1024 * kMegabyte, 1), "ahead_of_server");
  EXPECT_EQ(code("missing", from, 1), "slot_missing");
  EXPECT_EQ(code("tm", from, 7), "not_in_history");
  EXPECT_EQ(error_of([&] { stream_->start("Tm\"; x", from, TimelineId(1)); }).kind(), ErrorKind::config);
  EXPECT_EQ(error_of([&] { stream_->read_timeline_history(TimelineId(9)); }).code(), "history_missing");
  EXPECT_EQ(stream_->start("tm", from, TimelineId(1)), std::nullopt);  // the connection is still good
}

TEST_F(WalStreamTest, RemovedWalIsRefused) {
  drop_physical_slot(sql_, "tm");
  const auto from = begin();
  for (int i = 0; i < 4; ++i) {
    write_some(20'000);
    sql_.query("SELECT pg_switch_wal()");
    sql_.query("CHECKPOINT");
  }
  sql_.query("CHECKPOINT");
  create_physical_slot(sql_, "tm");
  const auto error = error_of([&] {
    stream_->start("tm", from, TimelineId(1));
    next_end();
  });
  EXPECT_EQ(error.kind(), ErrorKind::refused);
  EXPECT_EQ(error.code(), "wal_removed");
}

class LimitedSlots : public WalStreamTest {
 protected:
  LimitedSlots()
      : WalStreamTest({"max_slot_wal_keep_size = '2MB'", "min_wal_size = '2MB'", "max_wal_size = '4MB'"}) {}
};

TEST_F(LimitedSlots, ALostSlotIsRefused) {
  const auto from = begin();
  for (int i = 0; i < 4; ++i) {
    write_some(20'000);
    sql_.query("SELECT pg_switch_wal()");
    sql_.query("CHECKPOINT");
  }
  const auto state = read_slot(sql_, "tm");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->wal_status, "lost");
  const auto error = error_of([&] {
    stream_->start("tm", from, TimelineId(1));
    next_end();
  });
  EXPECT_EQ(error.kind(), ErrorKind::refused);
  EXPECT_TRUE(error.code() == "slot_lost" || error.code() == "wal_removed") << error.code();
  bool named = false;
  for (const auto& item : check_server(sql_, read_server_facts(sql_), "tm")) {
    named = named || (item.fatal && item.problem.find("lost WAL") != std::string::npos);
  }
  EXPECT_TRUE(named);
}

TEST_F(WalStreamTest, APromotedStandbyEndsTheTimelineAndTellsItsHistory) {
  auto standby = test::PostgresCluster::standby_of(cluster_);
  write_some(1000);
  auto standby_sql = standby->connect();
  create_physical_slot(standby_sql, "tm2");
  const auto from = begin();
  auto followed = open_wal_stream({standby->connection_string()}, StopToken());
  ASSERT_EQ(followed->start("tm2", from, TimelineId(1)), std::nullopt);
  cluster_.stop();
  standby->promote();

  StreamEvent event;
  Lsn reached = from;
  do {
    event = followed->receive(within(20s), -1);
    if (event.kind == Kind::data) reached = event.start + event.bytes.size();
    if (event.kind == Kind::data || event.kind == Kind::keepalive)
      followed->send_status({reached, reached}, false);
  } while (event.kind == Kind::data || event.kind == Kind::keepalive);
  ASSERT_EQ(event.kind, Kind::timeline_end);
  EXPECT_EQ(event.timeline_end->next, TimelineId(2));
  EXPECT_EQ(event.timeline_end->switch_point, reached);

  const auto history = followed->read_timeline_history(TimelineId(2));
  EXPECT_EQ(history, test::read_text_file(standby->data_directory() / "pg_wal/00000002.history"));
  EXPECT_NE(history.find(reached.to_string()), std::string::npos);

  // Asked again exactly at the end, the answer comes without a stream.
  const auto end = followed->start("tm2", reached, TimelineId(1));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->next, TimelineId(2));
  EXPECT_EQ(end->switch_point, reached);
  EXPECT_EQ(followed->start("tm2", segment_start(reached, kMegabyte), TimelineId(2)), std::nullopt);
  event = followed->receive(within(20s), -1);
  EXPECT_EQ(event.kind, Kind::data);
  EXPECT_EQ(event.start, segment_start(reached, kMegabyte));
}

}  // namespace
}  // namespace tidemark::postgres
