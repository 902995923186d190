// identity/<n>: docs/repository-format.md "Identity".
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "repository/repository.h"
#include "tidemark/error.h"

namespace tidemark::repository {
namespace {

constexpr int kAttempts = 10;

std::vector<std::uint32_t> identity_numbers(const Repository& repository,
                                            const catalog::Incarnation& incarnation) {
  std::vector<std::uint32_t> numbers;
  const std::string folder = incarnation.folder() + "identity/";
  repository.store().list(folder, "", [&](const ObjectInfo& object) {
    const std::string_view digits = std::string_view(object.name).substr(folder.size());
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc() && end == digits.data() + digits.size()) numbers.push_back(number);
    return true;
  });
  std::ranges::sort(numbers);
  return numbers;
}

Bytes render(const ClusterIdentity& identity) {
  const nlohmann::ordered_json json{{"format", 1},
                                    {"cluster", identity.incarnation.cluster},
                                    {"major", identity.incarnation.major},
                                    {"system_identifier", identity.incarnation.system_id.to_string()},
                                    {"segment_bytes", identity.segment_bytes},
                                    {"block_bytes", identity.block_bytes},
                                    {"catalog_version", identity.catalog_version},
                                    {"server_version_number", identity.server_version_number},
                                    {"recorded", identity.recorded.to_iso()}};
  const std::string text = json.dump(2) + "\n";
  return {text.begin(), text.end()};
}

ClusterIdentity parse(ByteView content, const std::string& name) {
  try {
    const auto json = nlohmann::json::parse(as_text(content));
    ClusterIdentity identity;
    identity.incarnation.cluster = json.at("cluster").get<std::string>();
    identity.incarnation.major = json.at("major").get<int>();
    const auto system_id = SystemId::parse(json.at("system_identifier").get<std::string>());
    identity.segment_bytes = json.at("segment_bytes").get<std::uint32_t>();
    identity.block_bytes = json.at("block_bytes").get<std::uint32_t>();
    identity.catalog_version = json.at("catalog_version").get<std::uint32_t>();
    identity.server_version_number = json.at("server_version_number").get<int>();
    const auto recorded = Instant::parse_iso(json.at("recorded").get<std::string>());
    if (!system_id || !recorded)
      throw Error(ErrorKind::corrupt, fmt::format("identity {} cannot be read", name));
    identity.incarnation.system_id = *system_id;
    identity.recorded = *recorded;
    return identity;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::corrupt, fmt::format("identity {} cannot be read: {}", name, error.what()));
  }
}

ClusterIdentity read_identity(const Repository& repository, const catalog::Incarnation& incarnation,
                              std::uint32_t number) {
  const std::string name = catalog::identity_name(incarnation, number);
  return parse(repository.get(codec::ObjectKind::identity, name), name);
}

bool same_facts(ClusterIdentity left, const ClusterIdentity& right) {
  left.recorded = right.recorded;
  return render(left) == render(right);
}

}  // namespace

void put_identity(Repository& repository, const ClusterIdentity& identity) {
  const Bytes content = render(identity);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto numbers = identity_numbers(repository, identity.incarnation);
    const std::uint32_t newest = numbers.empty() ? 0 : numbers.back();
    if (newest != 0 && same_facts(read_identity(repository, identity.incarnation, newest), identity)) return;
    const std::string name = catalog::identity_name(identity.incarnation, newest + 1);
    // Taken: somebody else was faster, perhaps with the same facts.
    if (repository.put(codec::ObjectKind::identity, name, content) == PutOutcome::stored) return;
  }
  throw Error(ErrorKind::unavailable,
              fmt::format("storing the identity of cluster {}: every number was taken meanwhile",
                          identity.incarnation.cluster));
}

std::optional<ClusterIdentity> newest_identity(const Repository& repository,
                                               const catalog::Incarnation& incarnation) {
  const auto numbers = identity_numbers(repository, incarnation);
  if (numbers.empty()) return std::nullopt;
  return read_identity(repository, incarnation, numbers.back());
}

Instant first_recorded(const Repository& repository, const catalog::Incarnation& incarnation) {
  const auto numbers = identity_numbers(repository, incarnation);
  if (numbers.empty()) return {};
  return read_identity(repository, incarnation, numbers.front()).recorded;
}

}  // namespace tidemark::repository
