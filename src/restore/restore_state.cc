#include "restore/restore_state.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "disk/file_reader.h"
#include "tidemark/error.h"

namespace tidemark::restore {

namespace {

using nlohmann::json;

Lsn parse_lsn(const json& value) {
  const auto lsn = Lsn::parse(value.get<std::string>());
  if (!lsn) throw Error(ErrorKind::corrupt, fmt::format("{}: no WAL position: {}", kStateFile, value.dump()));
  return *lsn;
}

}  // namespace

std::string render_state(const RestoreState& state) {
  json path = json::array();
  for (const wal::TimelineSpan& span : state.path) {
    path.push_back({{"timeline", span.timeline.value()},
                    {"begin", span.begin.to_string()},
                    {"end", span.end.to_string()}});
  }
  const json document = {{"format", 1},
                         {"session", state.session},
                         {"configuration_file", state.configuration_file},
                         {"cluster", state.cluster},
                         {"repositories", state.repositories},
                         {"incarnation", state.incarnation.folder()},
                         {"segment_bytes", state.segment_size.bytes()},
                         {"timeline", state.timeline.value()},
                         {"path", path},
                         {"wal_from", state.wal_from.to_string()},
                         {"wal_to", state.wal_to.to_string()},
                         {"claim_owner", state.claim_owner},
                         {"claims", state.claims},
                         {"requested", state.requested}};
  return document.dump(2) + "\n";
}

RestoreState parse_state(std::string_view text) {
  try {
    const json document = json::parse(text);
    if (document.at("format") != 1)
      throw Error(ErrorKind::corrupt, fmt::format("{}: unknown format", kStateFile));
    RestoreState state;
    state.session = document.at("session");
    state.configuration_file = document.at("configuration_file");
    state.cluster = document.at("cluster");
    state.repositories = document.at("repositories").get<std::vector<std::string>>();
    const auto incarnation = catalog::parse_incarnation_folder(document.at("incarnation").get<std::string>());
    const auto size = wal::SegmentSize::from_bytes(document.at("segment_bytes").get<std::uint64_t>());
    if (!incarnation || !size)
      throw Error(ErrorKind::corrupt, fmt::format("{}: impossible values", kStateFile));
    state.incarnation = *incarnation;
    state.segment_size = *size;
    state.timeline = TimelineId(document.at("timeline").get<std::uint32_t>());
    for (const json& span : document.at("path")) {
      state.path.push_back({TimelineId(span.at("timeline").get<std::uint32_t>()), parse_lsn(span.at("begin")),
                            parse_lsn(span.at("end"))});
    }
    state.wal_from = parse_lsn(document.at("wal_from"));
    state.wal_to = parse_lsn(document.at("wal_to"));
    state.claim_owner = document.at("claim_owner");
    state.claims = document.at("claims").get<bool>();
    state.requested = document.at("requested");
    return state;
  } catch (const json::exception& failure) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: {}", kStateFile, failure.what()))
        .hint("the file was damaged; restore again into a new directory");
  }
}

void write_state(disk::DurableOps& ops, const std::filesystem::path& data_directory,
                 const RestoreState& state, const Ownership& ownership) {
  const std::filesystem::path file = data_directory / kStateFile;
  const std::string text = render_state(state);
  disk::write_file_durably(ops, file, as_bytes(text));
  give(ops, file, ownership);
}

std::optional<RestoreState> find_state(const std::filesystem::path& data_directory) {
  const auto content = disk::read_whole_file_if_present(data_directory / kStateFile, 16 << 20);
  if (!content) return std::nullopt;
  return parse_state(as_text(*content));
}

}  // namespace tidemark::restore
