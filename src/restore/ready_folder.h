#pragma once
// Where complete WAL files wait for restore_command, and how a `wal fetch` asks the prefetcher for one that
// is not there:
//
//   pg_wal/tidemark_restore/<session>/ready/<name>     complete; renamed in, renamed out by `mv`
//                                     asked/<name>     made by `wal fetch`, removed when answered
//                                     answers/<name>   "absent", or "error: ..."; removed by who asked
//                                     making/<name>    being written
//                                     serving          locked (flock) while a prefetcher lives
//
// It lies in pg_wal because handing over must be a rename, pg_wal may be on a file system of its own, no
// backup copies what is in it, and the server ignores what is not named like WAL. Asking this way, the
// server's user needs neither the repository nor its key while a restore runs. Nothing here is synced: a
// folder is of one session, and a later one never looks into it; only the folder of a detached prefetcher is
// found again after a crash, and that one syncs (see `durable`).

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "disk/durable_ops.h"
#include "restore/target_directory.h"

namespace tidemark::restore {

class ReadyFolder {
 public:
  ReadyFolder(std::filesystem::path data_directory, std::string session);
  static std::filesystem::path relative(const std::string& session);  // of ready/, below the data directory

  void create(disk::DurableOps& ops, const Ownership& ownership) const;
  // Of all sessions.
  static void remove_all(disk::DurableOps& ops, const std::filesystem::path& data_directory);
  // Files that an earlier prefetcher left; who serves begins anew.
  void clear(disk::DurableOps& ops) const;

  // The prefetcher's side.
  void deliver(disk::DurableOps& ops, const std::string& name, ByteView bytes, const Ownership& ownership,
               bool durable) const;
  void drop(disk::DurableOps& ops, const std::string& name) const;
  bool holds(const std::string& name) const;
  std::vector<std::string> asked() const;
  void answer(disk::DurableOps& ops, const std::string& name, const std::string& text,
              const Ownership& ownership) const;
  void forget_question(disk::DurableOps& ops, const std::string& name) const;

  // restore_command's side.
  bool take(disk::DurableOps& ops, const std::string& name, const std::filesystem::path& destination) const;
  void ask(disk::DurableOps& ops, const std::string& name) const;
  std::optional<std::string> take_answer(disk::DurableOps& ops, const std::string& name) const;
  bool served() const;  // a living prefetcher holds the lock

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path lock_file() const { return path_ / "serving"; }

 private:
  std::filesystem::path path_;
};

// Held by a prefetcher as long as it lives; a crash lets go of it.
class ServingLock {
 public:
  // nullopt: another one serves.
  static std::optional<ServingLock> try_take(const ReadyFolder& folder);
  ~ServingLock();
  ServingLock(ServingLock&& from) noexcept;
  ServingLock& operator=(ServingLock&&) = delete;

 private:
  explicit ServingLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace tidemark::restore
