// Every durable step of spool and repository fails once, keeps failing, or is the last before the power goes:
// what the server was told to be flushed must be in the repository afterwards, and archiving must go on from
// there.

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>

#include "archive/archiver.h"
#include "disk/fault_ops.h"
#include "harness/program.h"
#include "harness/temporary_folder.h"
#include "harness/wal_writer.h"
#include "store/posix_store.h"
#include "unit/archive/scripted_server.h"

namespace tidemark::archive {
namespace {

using test::ScriptedServer;
using test::WalWriter;

const SystemId kSystem{7'000'000'000'000'000'001ULL};
const catalog::Incarnation kIncarnation{"main", 15, kSystem};
const wal::SegmentSize kSegment = *wal::SegmentSize::from_bytes(1U << 20);
const TimelineId kOne(1);

WalWriter some_wal() {
  WalWriter writer({.segment_size = kSegment});
  test::write_load(writer, (1U << 20) + 150'000);
  return writer;
}

std::shared_ptr<repository::WalArchive> open_archive(const std::filesystem::path& folder,
                                                     disk::DurableOps& ops) {
  repository::RepositoryOptions options;
  options.name = "local";
  return std::make_shared<repository::WalArchive>(
      repository::Repository::create(store::open_posix_store(folder, ops), options), kIncarnation, kSegment);
}

ArchiveOptions options_for(const std::filesystem::path& folder) {
  ArchiveOptions options;
  options.rpo_objective = std::chrono::milliseconds(2);
  options.idle_ship_age = std::chrono::milliseconds(5);
  options.spool = folder / "spool";
  options.look_interval = std::chrono::milliseconds(20);
  options.drain_limit = std::chrono::milliseconds(100);
  options.first_reconnect = std::chrono::milliseconds(1);
  options.receiver.status_interval = std::chrono::milliseconds(10);
  return options;
}

// Streams until all is flushed, or the power goes. WAL is released in steps so that open objects, full
// segments and the spool all have their turn.
struct Stretch {
  bool until_flushed() {
    return until_flushed({writer.start() + 60'000, writer.start() + 130'000, writer.end()});
  }
  explicit Stretch(const std::filesystem::path& disk_folder, disk::DurableOps& disk_ops, const WalWriter& wal)
      : folder(disk_folder), ops(disk_ops), writer(wal), server(kSystem, kSegment) {
    server.set_wal(kOne, writer.start(), writer.bytes());
    server.set_slot(postgres::SlotState{"tidemark", false, writer.start(), "reserved", {}, 0});
  }

  bool until_flushed(std::vector<Lsn> steps) {
    server.flush_to(steps.front());
    StopSource stop;
    bool cut = false;
    std::optional<Archiver> archiver;
    try {
      archiver.emplace(options_for(folder), Archives{open_archive(folder / "repository", ops)},
                       server.ports(ops));
    } catch (const disk::PowerCut&) {
      return false;
    }
    std::atomic<bool> ended = false;
    std::thread thread([&] {
      try {
        archiver->run(stop.token());
      } catch (const disk::PowerCut&) {
        cut = true;
      }
      ended = true;
    });
    for (const Lsn step : steps) {
      server.flush_to(step);
      test::eventually([&] { return ended || server.told().flush >= step; });
    }
    stop.request_stop();
    thread.join();
    return !cut;
  }

  const std::filesystem::path folder;
  disk::DurableOps& ops;
  const WalWriter& writer;
  ScriptedServer server;
};

void expect_held(const std::filesystem::path& folder, const WalWriter& writer, Lsn told, std::size_t step) {
  if (told <= writer.start()) return;
  const auto archive = open_archive(folder / "repository", disk::real_ops());
  EXPECT_GE(archive->contiguous_end(kOne, writer.start()), told) << "step " << step;
  for (Lsn at = writer.start(); at < told;) {
    const auto number = wal::segment_of_start(at, kSegment);
    const auto segment = archive->read_segment(kOne, number);
    ASSERT_TRUE(segment) << "step " << step;
    const Lsn end = std::min(told, number.end(kSegment));
    const ByteView wanted = writer.from(at).first(end - at);
    ASSERT_TRUE(std::equal(wanted.begin(), wanted.end(), segment->bytes.begin())) << "step " << step;
    at = end;
  }
}

class ArchiveFault : public testing::Test {
 protected:
  ArchiveFault() : writer(some_wal()) { std::filesystem::create_directory(folder.path() / "disk"); }

  std::filesystem::path disk_folder() {
    const auto disk = folder.path() / ("disk" + std::to_string(++disks));
    std::filesystem::create_directory(disk);
    return disk;
  }
  std::size_t undisturbed_steps() {
    const auto disk = disk_folder();
    disk::FaultOps ops(disk);
    Stretch run(disk, ops, writer);
    EXPECT_TRUE(run.until_flushed());
    expect_held(disk, writer, writer.end(), 0);
    return ops.steps();
  }

  harness::TemporaryFolder folder;
  const WalWriter writer;
  int disks = 0;
};

TEST_F(ArchiveFault, NothingAcknowledgedIsLostByAPowerCut) {
  const std::size_t steps = undisturbed_steps();
  ASSERT_GT(steps, 20U);
  for (const auto loss : {disk::Loss::everything_unsynced, disk::Loss::bytes_only}) {
    const std::size_t stride = loss == disk::Loss::everything_unsynced ? 1 : 3;
    for (std::size_t step = 1; step <= steps; step += stride) {
      const auto disk = disk_folder();
      disk::FaultOps ops(disk);
      ops.cut_at(step);
      Stretch run(disk, ops, writer);
      run.until_flushed();
      ops.lose_unsynced(loss);
      expect_held(disk, writer, run.server.told().flush, step);
      // And it goes on from what is left.
      Stretch again(disk, ops, writer);
      again.until_flushed({writer.end()});
      EXPECT_EQ(again.server.told().flush, writer.end()) << "step " << step;
      expect_held(disk, writer, writer.end(), step);
      if (HasFailure()) return;
    }
  }
}

TEST_F(ArchiveFault, AStepThatFailsOnceIsDoneAgain) {
  const std::size_t steps = undisturbed_steps();
  for (std::size_t step = 8; step <= steps; ++step) {  // those before make the repository itself
    const auto disk = disk_folder();
    disk::FaultOps ops(disk);
    std::optional<Stretch> run;
    run.emplace(disk, ops, writer);
    ops.fail_at(step, EIO);
    try {
      run->until_flushed();
    } catch (const Error&) {
      continue;  // while the repository was made
    }
    EXPECT_EQ(run->server.told().flush, writer.end()) << "step " << step;
    expect_held(disk, writer, writer.end(), step);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace tidemark::archive
