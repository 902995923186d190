#pragma once
// The archiving job: streams the WAL of one cluster through a physical slot into the spool and every
// repository, and tells the server what is durable. design.md "A WAL byte"; postgres-notes 4.
//
// run() belongs to one thread and returns after a stop: it ships what was received, stores an idle proof and
// a checkpoint and ends the stream. Trouble with the server or a repository does not end it: it is shown in
// status() and tried again with back-off, for ever. What ends it are failures of our own (Error internal out
// of a thread) and nothing else.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "archive/continuation.h"
#include "archive/receiver.h"
#include "archive/server_watch.h"
#include "archive/status.h"
#include "disk/durable_ops.h"
#include "postgres/wal_stream.h"
#include "repository/wal_archive.h"
#include "tidemark/clock.h"
#include "tidemark/stop.h"

namespace tidemark::archive {

struct ArchiveOptions {
  std::string slot = "tidemark";
  Microseconds rpo_objective = std::chrono::seconds(5);
  Microseconds idle_ship_age = std::chrono::minutes(3);
  std::uint64_t window_bytes = 128ULL << 20;
  std::optional<std::filesystem::path> spool;  // unset: none, *written* is then what is flushed
  ReceiverOptions receiver;
  Microseconds look_interval = std::chrono::seconds(1);
  Microseconds proof_interval = std::chrono::minutes(1);  // between stored idle proofs
  Microseconds drain_limit = std::chrono::seconds(30);    // at the end, for repositories that are slow
  Microseconds first_reconnect = std::chrono::milliseconds(250);
  Microseconds longest_reconnect = std::chrono::seconds(15);
  Microseconds hopeless_reconnect = std::chrono::minutes(1);  // where only somebody's help can mend it
};

using OpenStream = std::function<std::unique_ptr<postgres::WalStream>(const StopToken&)>;

struct ArchivePorts {
  OpenStream open_stream;
  OpenProbe open_probe;
  disk::DurableOps& ops;  // of the spool
  Clock& clock;
};
// The real ones, over libpq.
ArchivePorts archive_ports(const postgres::ConnectionOptions& connection, disk::DurableOps& ops,
                           Clock& clock);

class Archiver {
 public:
  // Archives of one incarnation, at least one of them required (Error config otherwise).
  Archiver(const ArchiveOptions& options, Archives archives, ArchivePorts ports);
  ~Archiver();
  Archiver(const Archiver&) = delete;
  Archiver& operator=(const Archiver&) = delete;

  void run(const StopToken& stop);

  // Any thread.
  ArchiveStatus status() const;
  // Ships at once what lies below `lsn`. False: the deadline passed or a stop was requested before it was
  // durable in every required repository.
  bool wait_until_durable(Lsn lsn, SteadyTime deadline, const StopToken& stop) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::archive
