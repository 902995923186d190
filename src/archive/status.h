#pragma once
// What the archiver tells monitor: a snapshot of values.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/mark.h"
#include "catalog/objectives.h"
#include "postgres/connection.h"
#include "tidemark/error.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::archive {

enum class ArchiveState : std::uint8_t {
  idle,        // not running yet, or stopped
  connecting,  // to the server, or looking up where the repositories end
  streaming,
  waiting_for_repository,  // the server is held back, or was let go, because a required repository does not
                           // take WAL
  server_unavailable,      // down, starting up, shutting down, or refusing us; tried again with back-off
  slot_lost,               // the server invalidated the slot: what it had not sent is gone
  wal_removed,             // the server has no WAL where the archive ends
  divergent,               // the server's WAL is not a continuation of the archive's; nothing is overwritten
};
std::string_view to_string(ArchiveState state);

enum class LaneState : std::uint8_t { shipping, failing, catching_up, divergent };
std::string_view to_string(LaneState state);

struct LaneStatus {
  std::string repository;
  bool required = true;
  LaneState state = LaneState::shipping;
  Lsn durable;              // contiguous; of the status' timeline
  std::string last_error;   // of the present trouble; empty when there is none
  std::uint64_t ships = 0;  // since the process began
  std::uint64_t shipped_bytes = 0;
  std::uint64_t errors = 0;
  std::optional<Instant> oldest_undurable_commit;  // among what was received
};

struct WalGap {
  TimelineId timeline;
  Lsn from, to;  // never archived
};

struct ArchiveCounters {
  std::uint64_t received_bytes = 0;
  std::uint64_t compared_bytes = 0;             // sent again, and found equal
  std::uint64_t connections = 0;                // streams that began
  std::map<std::string, std::uint64_t> errors;  // by code
};

struct ArchiveStatus {
  ArchiveState state = ArchiveState::idle;
  TimelineId timeline;
  Lsn received;
  Lsn write;       // durable in the spool (or, without one, as flush)
  Lsn flush;       // durable in every required repository: what the server was told
  Lsn server_end;  // as the stream last said
  std::optional<postgres::ServerMoment> moment;  // the last look at the server
  std::optional<Instant> moment_seen;            // by our clock
  bool server_answers = false;
  std::optional<Microseconds> clock_skew;  // the server's clock - ours
  std::optional<std::string> sync_state;   // of our walsender: async, potential, sync, quorum
  std::optional<postgres::SlotState> slot;
  std::vector<LaneStatus> lanes;
  std::optional<catalog::IdleProof> last_proof;
  std::optional<WalGap> last_gap;  // found since the process began
  std::string last_error;          // why state is not streaming; the last one when it is
  std::string last_error_code;     // as Error::code(); "slot_active": another process streams from our slot
  std::optional<Instant> last_error_at;
  std::string spool_error;  // empty: the spool works
  ArchiveCounters counters;

  // Facts for catalog::rpo_now, for the worst required repository. `now` by our clock.
  catalog::RpoFacts rpo_facts(Instant now) const;
};

}  // namespace tidemark::archive
