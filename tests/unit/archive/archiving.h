#pragma once
// The set-up that the archiver's tests share: WAL as a server could have written it, a scripted server,
// repositories in memory behind gates, and the archiver in a thread of its own. Every status the server is
// told is checked against what the required repositories hold at that moment.

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "archive/archiver.h"
#include "harness/program.h"
#include "harness/temporary_folder.h"
#include "harness/wal_writer.h"
#include "store/memory_store.h"
#include "unit/archive/gated_store.h"
#include "unit/archive/scripted_server.h"
#include "wal/index_builder.h"

namespace tidemark::test {

inline const SystemId kSystem{7'000'000'000'000'000'001ULL};
inline const wal::SegmentSize kSmallSegment = *wal::SegmentSize::from_bytes(1U << 20);
inline const catalog::Incarnation kIncarnation{"main", 15, kSystem};

struct TestRepository {
  std::shared_ptr<store::MemoryStore> memory = std::make_shared<store::MemoryStore>();
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::shared_ptr<repository::WalArchive> archive;

  explicit TestRepository(const std::string& name, bool required = true, bool append = true) {
    auto store = std::make_shared<GatedStore>(memory, gate, append);
    repository::RepositoryOptions options;
    options.name = name;
    options.required = required;
    archive = std::make_shared<repository::WalArchive>(repository::Repository::create(store, options),
                                                       kIncarnation, kSmallSegment);
  }
  bool holds(const WalWriter& writer, TimelineId timeline, Lsn from, Lsn to) const {
    Lsn at = from;
    while (at < to) {
      const auto number = wal::segment_of_start(at, kSmallSegment);
      const auto segment = archive->read_segment(timeline, number);
      const Lsn end = std::min(to, number.end(kSmallSegment));
      if (!segment || segment->valid_end < end) return false;
      const ByteView wanted = writer.from(at).first(end - at);
      const ByteView held = ByteView(segment->bytes).subspan(at - number.start(kSmallSegment), end - at);
      if (!std::equal(wanted.begin(), wanted.end(), held.begin())) return false;
      at = end;
    }
    return true;
  }
};

// The index of [from, to) as one pass over all of the WAL gives it.
inline wal::WalIndex index_of(const WalWriter& writer, Lsn from, Lsn to) {
  wal::StreamDecoder decoder(writer.decoder_options(), writer.start());
  wal::IndexBuilder builder(writer.options().timeline, writer.start());
  wal::RecordView record;
  Lsn at = writer.start();
  wal::WalIndex index;
  for (const Lsn stop : {from, to}) {
    if (stop == at) {
      if (stop == from) builder.cut(from, Lsn());
      continue;
    }
    decoder.feed(writer.from(at).first(stop - at));
    while (decoder.next(record) == wal::StreamDecoder::Next::record) builder.add(record, *decoder.version());
    index = builder.cut(stop, decoder.in_record() ? decoder.position() : Lsn());
    at = stop;
  }
  return index;
}

class Archiving {
 public:
  Archiving() : server(kSystem, kSmallSegment) {
    options.rpo_objective = std::chrono::milliseconds(40);
    options.idle_ship_age = std::chrono::milliseconds(200);
    options.window_bytes = 4U << 20;
    options.spool = folder / "spool";
    options.look_interval = std::chrono::milliseconds(10);
    options.drain_limit = std::chrono::seconds(20);
    options.first_reconnect = std::chrono::milliseconds(5);
    options.longest_reconnect = std::chrono::milliseconds(50);
    options.hopeless_reconnect = std::chrono::milliseconds(50);
    options.receiver.status_interval = std::chrono::milliseconds(50);
    options.receiver.reply_limit = std::chrono::milliseconds(300);
    server.on_status([this](const postgres::StandbyPositions& positions) { check(positions); });
  }
  ~Archiving() {
    for (const auto& repository : repositories) repository->gate->set(Gate::Mode::open);
    stop();
  }

  TestRepository& add(const std::string& name, bool required = true, bool append = true) {
    repositories.push_back(std::make_unique<TestRepository>(name, required, append));
    return *repositories.back();
  }
  void serve(const WalWriter& writer, Lsn flushed) {
    wal_start = writer.start();
    server.set_wal(writer.options().timeline, writer.start(), writer.bytes());
    server.flush_to(flushed);
    server.set_slot(postgres::SlotState{"tidemark", false, writer.start(), "reserved", {}, 0});
  }
  void start() {
    last_flush_ = Lsn();  // a new process knows only what the repositories hold
    archive::Archives archives;
    for (const auto& repository : repositories) archives.push_back(repository->archive);
    source = StopSource();
    archiver = std::make_unique<archive::Archiver>(options, archives, server.ports(disk::real_ops()));
    thread = std::thread([this, token = source.token()] {
      try {
        archiver->run(token);
      } catch (const Error& error) {
        failure = error.what();
      }
    });
  }
  void stop() {
    if (!thread.joinable()) return;
    source.request_stop();
    thread.join();
    EXPECT_EQ(failure, "");
  }
  bool told(Lsn flush) {
    return eventually([&] { return server.told().flush >= flush; });
  }
  bool reaches(archive::ArchiveState state) {
    return eventually([&] { return archiver->status().state == state; });
  }
  bool received(Lsn lsn) {
    return eventually([&] { return archiver->status().received >= lsn; });
  }

  harness::TemporaryFolder folder;
  ScriptedServer server;
  archive::ArchiveOptions options;
  std::vector<std::unique_ptr<TestRepository>> repositories;
  std::unique_ptr<archive::Archiver> archiver;
  Lsn wal_start;

 private:
  void check(const postgres::StandbyPositions& positions) {
    EXPECT_GE(positions.flush, last_flush_);
    EXPECT_GE(positions.write, positions.flush);
    if (positions.flush == last_flush_) return;
    last_flush_ = positions.flush;
    for (const auto& repository : repositories) {
      if (!repository->archive->repository().options().required) continue;
      Lsn reached = server.last_start();  // where archiving began, nothing is held yet
      for (const TimelineId timeline : repository->archive->timelines()) {
        for (const auto& range : repository->archive->list(timeline)) {
          reached = std::max(reached, repository->archive->contiguous_end(timeline, range.start));
        }
      }
      EXPECT_GE(reached, positions.flush);
    }
  }

  Lsn last_flush_;
  StopSource source;
  std::thread thread;
  std::string failure;
};

}  // namespace tidemark::test
