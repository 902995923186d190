// PostgreSQL's own pg_waldump as the oracle of the decoder and the index: the same records, the same
// transaction ends. A real server writes the WAL: DDL, savepoints, two-phase commits, big records, every
// compression, a crash inside a record.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "harness/postgres_cluster.h"
#include "harness/program.h"
#include "wal/index_builder.h"
#include "wal/stream_decoder.h"

namespace tidemark::wal {
namespace {

namespace fs = std::filesystem;
using test::PostgresCluster;

constexpr const char* kManagers[] = {"XLOG",     "Transaction",   "Storage",   "CLOG",
                                     "Database", "Tablespace",    "MultiXact", "RelMap",
                                     "Standby",  "Heap2",         "Heap",      "Btree",
                                     "Hash",     "Gin",           "Gist",      "Sequence",
                                     "SPGist",   "BRIN",          "CommitTs",  "ReplicationOrigin",
                                     "Generic",  "LogicalMessage"};

// A record as both sides tell it.
struct Told {
  Lsn start, previous;
  std::uint32_t total = 0, xid = 0;
  std::string manager;
  bool operator==(const Told&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Told& told) {
  return out << told.manager << " at " << told.start.to_string() << " after " << told.previous.to_string()
             << ", " << told.total << " bytes, xid " << told.xid;
}

struct Dump {
  std::vector<Told> records;
  std::vector<std::string> ends;  // of transactions, as end_line() has them
};

struct Decoding {
  std::vector<Told> records;
  std::vector<Lsn> record_ends;
  WalIndex index;
  std::string why;
  Lsn position;
};

std::string end_line(Lsn start, EndKind kind, std::uint32_t xid, const std::string& time) {
  constexpr const char* kNames[] = {"COMMIT", "ABORT", "COMMIT_PREPARED", "ABORT_PREPARED"};
  std::ostringstream line;
  line << start.to_string() << ' ' << kNames[static_cast<int>(kind)] << ' ' << xid << ' ' << time;
  return line.str();
}

Lsn lsn(unsigned high, unsigned low) { return Lsn(std::uint64_t{high} << 32 | low); }

// "COMMIT_PREPARED 750: 2026-11-22 03:27:05.846468 UTC; ..." or "COMMIT 2026-11-22 03:27:05.846468 UTC; ..."
std::string end_of(const Told& record, const std::string& description) {
  std::istringstream words(description);
  std::string operation, word, date, time;
  words >> operation >> word;
  const std::vector<std::string> operations = {"COMMIT", "ABORT", "COMMIT_PREPARED", "ABORT_PREPARED"};
  const auto found = std::find(operations.begin(), operations.end(), operation);
  if (record.manager != "Transaction" || found == operations.end()) return "";
  std::uint32_t xid = record.xid;
  if (word.back() == ':') {
    xid = static_cast<std::uint32_t>(std::stoul(word));
    words >> word;
  }
  date = word;
  words >> time;
  return end_line(record.start, static_cast<EndKind>(found - operations.begin()), xid,
                  date + "T" + time + "Z");
}

Dump parse_dump(const std::string& output) {
  Dump dump;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    char manager[32];
    unsigned length = 0, total = 0, xid = 0, high = 0, low = 0, previous_high = 0, previous_low = 0;
    int described = 0;
    const int found = std::sscanf(
        line.c_str(), "rmgr: %31s len (rec/tot): %u/ %u, tx: %u, lsn: %X/%X, prev %X/%X, desc: %n", manager,
        &length, &total, &xid, &high, &low, &previous_high, &previous_low, &described);
    if (found != 8) continue;
    dump.records.push_back({lsn(high, low), lsn(previous_high, previous_low), total, xid, manager});
    const std::string end = end_of(dump.records.back(), line.substr(static_cast<std::size_t>(described)));
    if (!end.empty()) dump.ends.push_back(end);
  }
  return dump;
}

Bytes read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Bytes bytes(fs::file_size(path));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

// A cluster whose pg_wal is read as an archive would hold it.
class Subject {
 public:
  Subject(int major, std::uint32_t segment_megabytes)
      : size_(*SegmentSize::from_bytes(std::uint64_t{segment_megabytes} << 20)),
        cluster_({.major = major,
                  .segment_megabytes = segment_megabytes,
                  .settings = {"wal_keep_size = 8GB", "max_wal_size = 8GB", "wal_recycle = off",
                               "checkpoint_timeout = 1h", "max_prepared_transactions = 10"}}) {}

  PostgresCluster& cluster() { return cluster_; }
  SegmentSize size() const { return size_; }
  fs::path wal() const { return cluster_.data_directory() / "pg_wal"; }

  void psql(const std::vector<std::string>& commands) const {
    std::vector<std::string> arguments = {"-X", "-q", "-v", "ON_ERROR_STOP=1"};
    for (const std::string& command : commands) arguments.insert(arguments.end(), {"-c", command});
    cluster_.run("psql", arguments);
  }

  // The segments of timeline 1 in order, the oldest first, up to a hole.
  std::vector<SegmentFile> segments() const {
    std::vector<SegmentFile> found;
    for (const auto& entry : fs::directory_iterator(wal())) {
      if (const auto file = parse_segment_file_name(entry.path().filename().string(), size_))
        found.push_back(*file);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  Bytes read(const SegmentFile& file) const {
    return read_file(wal() / segment_file_name(file.timeline, file.segment, size_));
  }

  Dump dump(Lsn end) const {
    const auto first = segments().front();
    // Cut off, because the description of a logical message has all its bytes in hexadecimal.
    const std::string command =
        (cluster_.binaries() / "pg_waldump").string() + " -p " + wal().string() + " -e " + end.to_string() +
        " " + segment_file_name(first.timeline, first.segment, size_) + " " +
        segment_file_name(first.timeline, segment_of_start(end, size_), size_) + " | cut -c 1-300";
    return parse_dump(cluster_.run("/bin/sh", {"-c", command}));
  }

  DecoderOptions options() const {
    return {.segment_size = size_, .timeline = TimelineId(1), .system_id = {}, .major = {}};
  }

  // All records that begin before `end`, and the index of [oldest segment, `end`), gathered segment by
  // segment.
  Decoding decode(Lsn end) const {
    const auto files = segments();
    Decoding decoding;
    StreamDecoder decoder(options(), files.front().segment.start(size_));
    IndexBuilder builder(TimelineId(1), files.front().segment.start(size_));
    bool any = false;
    for (const SegmentFile& file : files) {
      const Bytes bytes = read(file);
      const bool ended = feed(decoder, bytes, end, decoding, builder);
      const Lsn cut = std::min(file.segment.end(size_), end);
      const WalIndex part = builder.cut(cut, decoder.in_record() ? decoder.position() : Lsn());
      if (std::exchange(any, true)) {
        decoding.index.append(part);
      } else {
        decoding.index = part;
      }
      if (ended || cut == end) break;
    }
    decoding.why = decoder.why();
    decoding.position = decoder.position();
    return decoding;
  }

 private:
  static bool feed(StreamDecoder& decoder, const Bytes& bytes, Lsn end, Decoding& decoding,
                   IndexBuilder& builder) {
    // As a stream brings it: 128 kB a message, cut anywhere.
    constexpr std::size_t kPiece = 131'000;
    RecordView record;
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
      decoder.feed(ByteView(bytes).subspan(at, std::min(kPiece, bytes.size() - at)));
      for (;;) {
        const auto next = decoder.next(record);
        if (next == StreamDecoder::Next::need_more) break;
        if (next == StreamDecoder::Next::end_of_wal || record.start >= end) return true;
        const std::string manager = record.rmid < std::size(kManagers) ? kManagers[record.rmid] : "?";
        decoding.records.push_back({record.start, record.previous,
                                    static_cast<std::uint32_t>(record.bytes.size()), record.xid, manager});
        decoding.record_ends.push_back(record.end);
        parse_record_parts(record, *decoder.version());
        builder.add(record, *decoder.version());
      }
    }
    return false;
  }

  SegmentSize size_;
  PostgresCluster cluster_;
};

void expect_same(const Dump& dump, const Decoding& decoding) {
  const auto [ours, theirs] = std::mismatch(decoding.records.begin(), decoding.records.end(),
                                            dump.records.begin(), dump.records.end());
  if (ours != decoding.records.end() || theirs != dump.records.end()) {
    const bool more = ours != decoding.records.end(), less = theirs != dump.records.end();
    FAIL() << "of " << dump.records.size() << " records number " << theirs - dump.records.begin()
           << " differs; ours: " << (more ? *ours : Told{}) << "; pg_waldump's: " << (less ? *theirs : Told{})
           << "; " << decoding.why;
  }
  std::vector<std::string> ends;
  for (const TransactionEnd& end : decoding.index.ends) {
    std::string time = end.time.to_iso();
    ends.push_back(end_line(end.start, end.kind, end.xid, time));
  }
  EXPECT_EQ(ends.size(), dump.ends.size());
  EXPECT_TRUE(ends == dump.ends);
  EXPECT_EQ(decoding.index.record_count, decoding.records.size());
  EXPECT_EQ(WalIndex::parse(decoding.index.serialize()), decoding.index);
}

// Every segment by itself has the records that begin and end in it, as an archived one is checked.
void expect_segments_alone(const Subject& subject, const Decoding& whole, Lsn end) {
  std::size_t next = 0;
  for (const SegmentFile& file : subject.segments()) {
    const Lsn begin = file.segment.start(subject.size());
    const Lsn limit = file.segment.end(subject.size());
    if (limit > end) break;
    const Bytes bytes = subject.read(file);
    StreamDecoder decoder(subject.options(), begin);
    decoder.feed(bytes);
    while (next < whole.records.size() && whole.records[next].start < begin) ++next;
    RecordView record;
    auto found = decoder.next(record);
    for (; found == StreamDecoder::Next::record; found = decoder.next(record)) {
      ASSERT_LT(next, whole.records.size());
      ASSERT_EQ(record.start, whole.records[next].start);
      ASSERT_EQ(record.end, whole.record_ends[next]);
      ++next;
    }
    ASSERT_EQ(found, StreamDecoder::Next::need_more) << decoder.why();
    ASSERT_EQ(decoder.fed_to(), limit);
  }
}

WalIndex compare(Subject& subject) {
  const Lsn end = Lsn::parse(subject.cluster().sql("SELECT pg_current_wal_insert_lsn()")).value();
  subject.cluster().stop("fast");  // which flushes everything
  const Decoding decoding = subject.decode(end);
  expect_same(subject.dump(end), decoding);
  expect_segments_alone(subject, decoding, end);
  return decoding.index;
}

void run_load(Subject& subject) {
  subject.cluster().run("pgbench", {"-i", "-q", "-s", "2"});
  subject.cluster().run("pgbench", {"-n", "-c", "4", "-j", "2", "-t", "300"});
  subject.psql(
      {"CREATE TABLE t (id int PRIMARY KEY, body text); CREATE INDEX ON t USING gist (point(id, id))",
       "INSERT INTO t SELECT g, repeat('x', g % 500) FROM generate_series(1, 5000) g",
       "BEGIN; SAVEPOINT a; INSERT INTO t VALUES (-1, 'a'); SAVEPOINT b; INSERT INTO t VALUES (-2, 'b'); "
       "ROLLBACK TO b; INSERT INTO t VALUES (-3, 'c'); COMMIT",
       "BEGIN; INSERT INTO t VALUES (-4, 'd'); ROLLBACK",
       "BEGIN; INSERT INTO t VALUES (-5, 'e'); PREPARE TRANSACTION 'kept'", "COMMIT PREPARED 'kept'",
       "BEGIN; INSERT INTO t VALUES (-6, 'f'); PREPARE TRANSACTION 'left'", "ROLLBACK PREPARED 'left'",
       "BEGIN; INSERT INTO t VALUES (-7, 'g'); PREPARE TRANSACTION 'pending'",
       "SELECT pg_create_restore_point('before_release')", "SELECT pg_switch_wal()",
       "CREATE TABLE gone AS SELECT * FROM t; DROP TABLE gone", "TRUNCATE pgbench_history", "VACUUM t",
       "CREATE DATABASE other", "DROP DATABASE other", "CHECKPOINT"});
}

// What the load must have left in the index.
void expect_landmarks(const WalIndex& index) {
  const auto has_gid = [&](const char* gid) {
    return std::any_of(index.prepares.begin(), index.prepares.end(),
                       [&](const Prepare& p) { return p.gid == gid; });
  };
  EXPECT_TRUE(has_gid("kept"));
  EXPECT_TRUE(has_gid("left"));
  EXPECT_TRUE(has_gid("pending"));
  ASSERT_FALSE(index.restore_points.empty());
  EXPECT_EQ(index.restore_points.back().name, "before_release");
  const auto count = [&](EventKind kind) {
    return std::count_if(index.events.begin(), index.events.end(),
                         [&](const Event& e) { return e.kind == kind; });
  };
  EXPECT_GE(count(EventKind::segment_switch), 1);
  EXPECT_GE(count(EventKind::checkpoint_online), 1);
  EXPECT_GE(count(EventKind::running_transactions), 1);
}

// The last checkpoint of the WAL is what the server says of it: location, redo and 64-bit next xid.
void expect_control_agrees(Subject& subject) {
  subject.psql({"CHECKPOINT"});
  const auto rows = subject.cluster().connect().query(
      "SELECT checkpoint_lsn, redo_lsn, split_part(next_xid, ':', 1), split_part(next_xid, ':', 2) "
      "FROM pg_control_checkpoint()");
  const auto text = [&](std::size_t column) { return rows.rows.at(0).at(column).value(); };
  const Lsn end = Lsn::parse(subject.cluster().sql("SELECT pg_current_wal_insert_lsn()")).value();
  const WalIndex index = subject.decode(end).index;
  const auto last = std::find_if(index.events.rbegin(), index.events.rend(), [](const Event& event) {
    return event.kind == EventKind::checkpoint_online || event.kind == EventKind::checkpoint_shutdown;
  });
  ASSERT_NE(last, index.events.rend());
  EXPECT_EQ(last->start.to_string(), text(0));
  EXPECT_EQ(Lsn(last->b).to_string(), text(1));
  EXPECT_EQ(last->a, std::stoull(text(2)) << 32 | std::stoull(text(3)));
}

class WalOracle : public testing::Test {
 protected:
  WalOracle() { ::setenv("TZ", "UTC", 1); }  // pg_waldump prints local times
};

TEST_F(WalOracle, OneMegabyteSegmentsAndAHugeRecord) {
  Subject subject(15, 1);
  run_load(subject);
  subject.psql({"SELECT pg_logical_emit_message(true, 'x', repeat('a', 200000000))"});
  for (const char* method : {"pglz", "lz4", "zstd"}) {
    subject.psql(
        {"CHECKPOINT", std::string("SET wal_compression = ") + method + "; UPDATE t SET body = body || 'y'"});
  }
  expect_control_agrees(subject);
  expect_landmarks(compare(subject));
}

TEST_F(WalOracle, LargeSegmentsAcrossTheLogBoundaryInALaterEpoch) {
  Subject subject(15, 64);
  subject.cluster().stop("fast");
  subject.cluster().run("pg_resetwal", {"-f", "-e", "3", "-l", "00000001000000000000003F", "-D",
                                        subject.cluster().data_directory().string()});
  subject.cluster().start();
  run_load(subject);  // switches segments on the way
  EXPECT_EQ(subject.segments().back().segment.log(subject.size()), 1U);
  expect_control_agrees(subject);
  compare(subject);
}

// The server dies while a record of many segments is being written: what was flushed of it is overwritten
// afterwards.
TEST_F(WalOracle, ACrashInsideARecord) {
  Subject subject(15, 1);
  run_load(subject);
  bool overwritten = false;
  for (int attempt = 0; attempt < 5 && !overwritten; ++attempt) {
    const std::size_t before = subject.segments().size();
    std::thread writer([&] {
      try {
        subject.psql({"SELECT pg_logical_emit_message(false, 'x', repeat('a', 150000000))"});
      } catch (const std::exception&) {
        // The server dies under it.
      }
    });
    while (subject.segments().size() < before + 20) test::pause_before_looking_again();
    subject.cluster().kill();
    writer.join();
    subject.cluster().start();
    subject.psql({"INSERT INTO t SELECT g, 'after' FROM generate_series(10000 * " +
                  std::to_string(attempt + 1) + ", 10000 * " + std::to_string(attempt + 1) + " + 10) g"});
    const WalIndex index =
        subject.decode(Lsn::parse(subject.cluster().sql("SELECT pg_current_wal_insert_lsn()")).value()).index;
    overwritten = std::any_of(index.events.begin(), index.events.end(), [](const Event& event) {
      return event.kind == EventKind::overwrite_continuation;
    });
  }
  compare(subject);
  EXPECT_TRUE(overwritten) << "no crash fell into the record";
}

class WalOfVersion : public testing::TestWithParam<int> {};

// pg_waldump reads only its own version's WAL; here the checksums, the record chain and the server's own
// words must do.
TEST_P(WalOfVersion, EveryRecordDecodes) {
  if (!test::server_available(GetParam())) GTEST_SKIP() << "no PostgreSQL " << GetParam() << " here";
  Subject subject(GetParam(), 1);
  run_load(subject);
  if (GetParam() >= 13)
    subject.psql({"CHECKPOINT", "SET wal_compression = on; UPDATE t SET body = body || 'y'"});
  expect_control_agrees(subject);
  const auto xid = subject.cluster().sql("SELECT txid_current()");
  const Lsn end = Lsn::parse(subject.cluster().sql("SELECT pg_current_wal_insert_lsn()")).value();
  subject.cluster().stop("fast");  // which flushes everything
  const Decoding decoding = subject.decode(end);
  EXPECT_GE(decoding.position, end) << decoding.why;
  expect_landmarks(decoding.index);
  EXPECT_GT(decoding.records.size(), 10'000U);
  expect_segments_alone(subject, decoding, end);
  const auto& ends = decoding.index.ends;
  EXPECT_TRUE(std::any_of(ends.begin(), ends.end(), [&](const TransactionEnd& transaction) {
    return std::to_string(transaction.xid) == xid && transaction.committed();
  }));
}

INSTANTIATE_TEST_SUITE_P(Majors, WalOfVersion, testing::Values(13, 14, 15, 16, 17, 18));

}  // namespace
}  // namespace tidemark::wal
