#include "archive/attachment.h"

#include <fmt/format.h>

#include <charconv>

#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::archive {
namespace {

// SHOW wal_segment_size prints "16MB", "1GB".
std::uint64_t parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  if (error == std::errc() && unit == "kB") return value << 10;
  if (error == std::errc() && unit == "MB") return value << 20;
  if (error == std::errc() && unit == "GB") return value << 30;
  if (error == std::errc() && (unit.empty() || unit == "B")) return value;
  throw Error(ErrorKind::internal,
              fmt::format("the server's wal_segment_size '{}' cannot be understood", text));
}

Error other_cluster(std::string text) {
  return Error(ErrorKind::mismatch, std::move(text))
      .code("other_cluster")
      .hint(
          "the connection leads to another cluster than the one that is archived here; run `tidemark init` "
          "for a new one");
}

Lsn ensure_slot(ServerProbe& probe, const std::string& slot) {
  auto state = probe.slot(slot);
  if (!state) {
    // As after a failover: slots do not travel. What the server does not have any more shows as a gap.
    probe.create_slot(slot);
    log_info("archive", fmt::format("created the replication slot {}", slot));
    state = probe.slot(slot);
  }
  if (!state) return {};
  if (state->wal_status == "lost") {
    throw Error(ErrorKind::refused, fmt::format("the server gave up the WAL that the slot {} reserved", slot))
        .code("slot_lost")
        .hint("drop the slot, run `tidemark init` and take a new backup, which opens a new recovery window");
  }
  return state->restart_lsn;
}

void store_history(repository::WalArchive& archive, const wal::TimelineHistory& history,
                   std::string_view content) {
  if (archive.store_history(history, content) == repository::StoreOutcome::conflict) {
    throw Error(ErrorKind::mismatch,
                fmt::format("repository {} holds another history of timeline {} than the server",
                            archive.repository().name(), history.timeline().value()))
        .code("divergent_history")
        .hint(
            "two servers took the same timeline: promote the right one once more, to a timeline of its own");
  }
  // Taken already is fine: a restore claims the timeline that it is going to be promoted to.
  archive.claim_timeline(history.timeline(), "archive");
}

}  // namespace

ServerIdentity identify_server(postgres::WalStream& stream, ServerProbe& probe, const std::string& slot,
                               const repository::WalArchive& archive) {
  const auto& incarnation = archive.incarnation();
  const postgres::SystemIdentity system = stream.identify();
  if (system.system_id != incarnation.system_id) {
    throw other_cluster(fmt::format("the server's system identifier is {}, archived is {}",
                                    system.system_id.to_string(), incarnation.system_id.to_string()));
  }
  const std::uint64_t segment_bytes = parse_size(stream.segment_size_setting());
  if (segment_bytes != archive.segment_size().bytes()) {
    throw other_cluster(fmt::format("the server's WAL segments have {} bytes, archived ones {}",
                                    segment_bytes, archive.segment_size().bytes()));
  }
  const ServerSettings settings = probe.settings();
  if (settings.version_number / 10000 != incarnation.major) {
    throw other_cluster(fmt::format("the server is PostgreSQL {}, archived is {}",
                                    settings.version_number / 10000, incarnation.major));
  }
  wal::TimelineHistory history(system.timeline);
  if (system.timeline > TimelineId(1)) {
    history = wal::TimelineHistory::parse(system.timeline, stream.read_timeline_history(system.timeline));
  }
  return {system, std::move(history), ensure_slot(probe, slot), settings};
}

repository::ClusterIdentity cluster_identity(const repository::WalArchive& archive,
                                             const ServerSettings& settings, Instant now) {
  repository::ClusterIdentity identity;
  identity.incarnation = archive.incarnation();
  identity.segment_bytes = archive.segment_size().bytes();
  identity.block_bytes = settings.block_bytes;
  identity.catalog_version = settings.catalog_version;
  identity.server_version_number = settings.version_number;
  identity.recorded = now;
  return identity;
}

void store_histories(postgres::WalStream& stream, const wal::TimelineHistory& history,
                     const Archives& archives) {
  for (const wal::TimelineSpan& span : history.path()) {
    if (span.timeline == TimelineId(1)) continue;
    std::string content;
    try {
      content = stream.read_timeline_history(span.timeline);
    } catch (const Error& error) {
      // The server needs only its own; of an older one it may have lost the file.
      if (error.code() != "history_missing" || span.timeline == history.timeline()) throw;
      continue;
    }
    const auto parsed = wal::TimelineHistory::parse(span.timeline, content);
    for (const auto& archive : archives) {
      try {
        store_history(*archive, parsed, content);
      } catch (const Error& error) {
        if (archive->repository().options().required) throw;
        log_warning("archive", fmt::format("repository {}: {}", archive->repository().name(), error.what()));
      }
    }
  }
}

}  // namespace tidemark::archive
