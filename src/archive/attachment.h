#pragma once
// One connection to the server, from identification to the point where streaming may begin: is it the cluster
// we archive, on which timeline, and where does archiving go on.

#include <memory>
#include <optional>
#include <vector>

#include "archive/chores.h"
#include "archive/continuation.h"
#include "archive/server_watch.h"
#include "postgres/wal_stream.h"

namespace tidemark::archive {

struct ServerIdentity {
  postgres::SystemIdentity system;
  wal::TimelineHistory history;
  Lsn slot_restart;
  ServerSettings settings;
};

// Checks system identifier, segment size and major version against the archives' incarnation, makes sure of
// the slot. Errors: mismatch/"other_cluster", refused/"slot_lost", and what stream and probe throw.
ServerIdentity identify_server(postgres::WalStream& stream, ServerProbe& probe, const std::string& slot,
                               const repository::WalArchive& archive);

// The cluster's facts as identity/<n> holds them.
repository::ClusterIdentity cluster_identity(const repository::WalArchive& archive,
                                             const ServerSettings& settings, Instant now);

// Stores the histories of the server's path where they are missing, and claims its timelines, before any WAL
// of them. Errors: mismatch/"divergent_history"; what a required repository throws.
void store_histories(postgres::WalStream& stream, const wal::TimelineHistory& history,
                     const Archives& archives);

}  // namespace tidemark::archive
