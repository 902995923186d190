#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "repository/wal_archive.h"
#include "tidemark/error.h"

namespace tidemark::cli {

namespace {

constexpr auto kArrivalLimit = std::chrono::seconds(60);
constexpr auto kLookEvery = std::chrono::milliseconds(50);

struct Marker {
  Lsn end;  // WAL up to here must be archived
  catalog::Incarnation incarnation;
  wal::SegmentSize segment_size;
};

// A transactional message is a commit of its own: it is shipped by the rules of every commit and changes no
// data.
Marker write_marker(const Environment& environment, const config::ClusterSettings& cluster,
                    std::vector<postgres::Shortcoming>& shortcomings) {
  postgres::Connection connection(connection_of(cluster), environment.stop());
  const auto facts = postgres::read_server_facts(connection);
  shortcomings = postgres::check_server(connection, facts, cluster.slot);
  connection.query("SELECT pg_catalog.pg_logical_emit_message(true, 'tidemark', $1)",
                   {fmt::format("check {}", environment.clock().now().to_iso())});
  Marker marker;
  marker.end = postgres::read_server_moment(connection).flush_lsn;
  marker.incarnation = {cluster.name, facts.version_number / 10000, facts.system_id};
  const auto size = wal::SegmentSize::from_bytes(facts.segment_bytes);
  if (!size) throw Error(ErrorKind::mismatch, "the server reports an impossible WAL segment size");
  marker.segment_size = *size;
  return marker;
}

bool arrived(const repository::WalArchive& archive, Lsn end) {
  const auto timelines = archive.timelines();
  if (timelines.empty()) return false;
  const auto segment = wal::segment_of_end(end, archive.segment_size());
  return archive.contiguous_end(timelines.back(), segment.start(archive.segment_size())) >= end;
}

double wait_for_marker(const Environment& environment, const repository::WalArchive& archive,
                       const Marker& marker) {
  const auto begun = environment.clock().steady();
  while (!arrived(archive, marker.end)) {
    environment.stop().throw_if_stopped();
    if (environment.clock().steady() - begun > kArrivalLimit) {
      throw Error(ErrorKind::unavailable,
                  fmt::format("the marker at {} did not reach repository {} within {} s",
                              marker.end.to_string(), archive.repository().name(), kArrivalLimit.count()))
          .code("marker_not_archived")
          .hint("is 'tidemark serve' running? tidemark status shows what it waits for");
    }
    environment.clock().sleep(kLookEvery, environment.stop());
  }
  return std::chrono::duration<double>(environment.clock().steady() - begun).count();
}

}  // namespace

int run_check(const Environment& environment) {
  const auto& cluster = environment.cluster();
  std::vector<postgres::Shortcoming> shortcomings;
  const Marker marker = write_marker(environment, cluster, shortcomings);
  nlohmann::ordered_json arrivals = nlohmann::ordered_json::array();
  for (const auto& settings : environment.chosen_repositories()) {
    const repository::WalArchive archive(environment.open_repository(settings, Patience::short_look),
                                         marker.incarnation, marker.segment_size);
    const double seconds = wait_for_marker(environment, archive, marker);
    arrivals.push_back({{"repository", settings.name}, {"seconds", seconds}});
    if (!environment.json())
      fmt::print("repository {}: holds the marker after {:.2f} s\n", settings.name, seconds);
  }
  nlohmann::ordered_json warnings = nlohmann::ordered_json::array();
  for (const auto& found : shortcomings) {
    warnings.push_back({{"problem", found.problem}, {"remedy", found.remedy}});
    if (!environment.json()) fmt::print("warning: {}\n  {}\n", found.problem, found.remedy);
  }
  if (environment.json()) {
    const nlohmann::ordered_json document = {{"format", 1},
                                             {"cluster", cluster.name},
                                             {"marker_lsn", marker.end.to_string()},
                                             {"arrivals", arrivals},
                                             {"warnings", warnings}};
    fmt::print("{}\n", document.dump(2));
  } else {
    fmt::print("cluster {}: WAL reaches every repository, as of {}\n", cluster.name, marker.end.to_string());
  }
  return 0;
}

}  // namespace tidemark::cli
