#pragma once
// Keeps one cluster's archiver running: opens its repositories, learns which incarnation to archive, and
// begins anew when either changes. Nothing that is down ends it.

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/archiver.h"
#include "monitor/gather.h"
#include "service/service.h"
#include "tidemark/error.h"
#include "tidemark/stop.h"

namespace tidemark::service {

struct KeeperIntervals {
  Microseconds first_wait = std::chrono::seconds(1);  // between tries to begin, doubled up to longest_wait
  Microseconds longest_wait = std::chrono::seconds(15);
  Microseconds look_again = std::chrono::seconds(20);  // for repositories and servers that came back
};

// The error of a repository until the first try to open it is over.
inline constexpr std::string_view kNotOpenYet = "is not open yet";

// The incarnation to archive, and how it cuts its WAL.
struct ArchiveTarget {
  catalog::Incarnation incarnation;
  wal::SegmentSize segment_size;
  bool operator==(const ArchiveTarget&) const = default;
};

// What the server said, or nothing when it is down; what the repositories know, oldest first. Pure. Errors:
// mismatch/"other_cluster" when the repositories know this cluster, but not this server; nullopt: nobody
// knows anything.
std::optional<ArchiveTarget> choose_target(const std::string& cluster,
                                           const std::optional<ArchiveTarget>& server,
                                           const std::vector<ArchiveTarget>& known);

class ArchiveKeeper {
 public:
  // References outlive the keeper.
  ArchiveKeeper(const ClusterService& cluster, std::filesystem::path spool, disk::DurableOps& ops,
                Clock& clock, const KeeperIntervals& intervals = {});

  void run(const StopToken& stop);  // the thread's body

  // Any thread; none of them waits for a server or a store.
  archive::ArchiveStatus status() const;
  std::vector<monitor::ConfiguredRepository> repositories() const;
  archive::Archives archives() const;  // of the archiver that runs; empty while none does

  // Any thread. False: the deadline or the stop came first, or no archiver runs.
  bool wait_until_durable(Lsn lsn, archive::SteadyTime deadline, const StopToken& stop) const;

 private:
  bool open_repositories();  // true: one more is open than before
  void require_repositories() const;
  ArchiveTarget find_target(const StopToken& stop);
  std::optional<ArchiveTarget> ask_server(const StopToken& stop);
  std::vector<ArchiveTarget> known_targets() const;
  void begin(const ArchiveTarget& target);
  void archive_until_changed(const StopToken& stop);
  bool must_begin_anew(const StopToken& stop);
  void note_trouble(const Error& error);
  std::shared_ptr<archive::Archiver> archiver() const;

  const ClusterService& cluster_;
  const std::filesystem::path spool_;
  disk::DurableOps& ops_;
  Clock& clock_;
  const KeeperIntervals intervals_;

  // The thread's only.
  ArchiveTarget target_;
  std::string server_error_;

  mutable std::mutex mutex_;  // guards all below
  std::vector<monitor::ConfiguredRepository> repositories_;
  archive::Archives archives_;
  std::shared_ptr<archive::Archiver> archiver_;
  archive::ArchiveStatus before_;  // while no archiver runs
};

}  // namespace tidemark::service
