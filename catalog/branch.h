#pragma once
// Which WAL can be replayed behind which backup, along the path of one timeline. Shared by windows, gaps and
// the plan.

#include <vector>

#include "catalog/inventory.h"

namespace tidemark::catalog {

// WAL [from, to) to be read from the objects of `timeline`.
struct CoverPiece {
  TimelineId timeline;
  Lsn from, to;
  bool operator==(const CoverPiece&) const = default;
};
// Unbroken WAL from `from` on, along the history; empty when nothing covers `from`.
std::vector<CoverPiece> wal_cover(const Inventory& inventory, const wal::TimelineHistory& history, Lsn from);

// Backups that one unbroken stretch of WAL carries on, and how far.
struct BackupRun {
  std::vector<const BackupHeader*> backups;  // by start LSN; never empty; into the inventory
  std::vector<CoverPiece> cover;             // from the first backup's start
  Lsn end() const { return cover.back().to; }
};
std::vector<BackupRun> backup_runs(const Inventory& inventory,
                                   const wal::TimelineHistory& history);  // by LSN

bool on_path(const wal::TimelineHistory& history, const BackupHeader& backup);
// True when `older` is an ancestor of `newer`, by the stored histories.
bool is_ancestor(const Inventory& inventory, TimelineId older, TimelineId newer);
// Timelines with WAL of their own that no child's WAL makes superfluous: each leads to moments that no other
// reaches.
std::vector<TimelineId> branches(const Inventory& inventory);
// Those of them that have no descendant with WAL: where "latest" can be.
std::vector<TimelineId> leaves(const Inventory& inventory);

// The newest idle proof that holds for a run on this path: its position is on the path, in the run and
// archived.
std::optional<IdleProof> newest_proof(const Inventory& inventory, const wal::TimelineHistory& history,
                                      Lsn from, Lsn to);

}  // namespace tidemark::catalog
