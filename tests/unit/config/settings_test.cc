#include "config/settings.h"

#include <gtest/gtest.h>

#include "tidemark/error.h"

namespace tidemark::config {
namespace {

constexpr std::string_view kSmallest = R"(clusters:
  main:
    connection: host=/tmp
repositories:
  - name: local
    posix: { path: /srv/tidemark }
)";

Error error_of(const std::string& yaml) {
  try {
    parse_settings(yaml, "t.yaml");
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted:\n" << yaml;
  return Error(ErrorKind::internal, "none");
}

TEST(Settings, NeedOnlyAConnectionAndARepository) {
  const Settings settings = parse_settings(kSmallest, "t.yaml");
  ASSERT_EQ(settings.clusters.size(), 1U);
  const ClusterSettings& cluster = settings.clusters[0];
  EXPECT_EQ(cluster.name, "main");
  EXPECT_EQ(cluster.connection, "host=/tmp");
  EXPECT_EQ(cluster.slot, "tidemark");
  EXPECT_EQ(cluster.rpo, std::chrono::seconds(5));
  EXPECT_EQ(cluster.full_every, std::chrono::hours(7 * 24));
  EXPECT_EQ(cluster.jobs, 2);
  EXPECT_FALSE(cluster.data_directory.has_value());
  ASSERT_EQ(settings.repositories.size(), 1U);
  EXPECT_TRUE(settings.repositories[0].required);
  EXPECT_EQ(settings.repositories[0].compression_level, 1);
  EXPECT_EQ(settings.service.listen, (Address{"127.0.0.1", 9753}));
}

TEST(Settings, NameTheLineAndTheNearestKey) {
  const Error error = error_of("clusters:\n  main:\n    connection: host=/tmp\n    data_directry: /x\n");
  EXPECT_EQ(error.message(), "t.yaml:4: unknown key 'data_directry'");
  EXPECT_EQ(error.hint(), "did you mean 'data_directory'?");
  EXPECT_EQ(error.code(), "unknown_key");
  EXPECT_EQ(error_of("cluster:\n  main: {}\n").hint(), "did you mean 'clusters'?");
}

TEST(Settings, NameTheLineOfAWrongValue) {
  const Error error = error_of(std::string(kSmallest) + "    required: maybe\n");
  EXPECT_EQ(error.message(), "t.yaml:7: repositories.required: 'maybe' is neither true nor false");
  const Error unit = error_of(
      "clusters:\n  main:\n    connection: host=/tmp\n    objectives: { rpo: 5 }\nrepositories: []\n");
  EXPECT_EQ(unit.message(), "t.yaml:4: clusters.main.objectives.rpo: '5' is not a duration");
}

TEST(Settings, SayWhatIsMissing) {
  EXPECT_EQ(error_of("clusters:\n  main:\n    slot: x\n").message(),
            "t.yaml:2: clusters.main.connection is missing");
  EXPECT_EQ(error_of("clusters:\n  main:\n    connection: x\n").message(),
            "t.yaml: no repository is configured");
  EXPECT_NE(error_of("").message().find("holds no settings"), std::string::npos);
}

TEST(Settings, RefuseImpossibleCombinations) {
  EXPECT_NE(
      error_of(std::string(kSmallest) + "    required: false\n").message().find("no repository is required"),
      std::string::npos);
  EXPECT_NE(error_of(std::string(kSmallest) + "  - name: local\n    posix: { path: /other }\n")
                .message()
                .find("two repositories are named"),
            std::string::npos);
  EXPECT_NE(error_of(std::string(kSmallest) + "  - name: other\n    posix: { path: /srv/tidemark }\n")
                .message()
                .find("two repositories lie at"),
            std::string::npos);
}

TEST(Settings, RefuseDuplicatesAndWrongShapes) {
  EXPECT_NE(
      error_of("clusters:\n  main:\n    connection: a\n    connection: b\n").message().find("stands twice"),
      std::string::npos);
  EXPECT_NE(error_of("clusters: [a]\n").message().find("must name clusters"), std::string::npos);
  EXPECT_NE(error_of("clusters:\n  main:\n    connection: [a]\n").message().find("must be a single value"),
            std::string::npos);
  EXPECT_EQ(error_of("clusters: {\n").code(), "yaml_syntax");
  EXPECT_NE(error_of("clusters:\n  Main:\n    connection: a\n").message().find("'Main' is not a name"),
            std::string::npos);
}

TEST(Settings, RefuseAnUnknownTimeZone) {
  EXPECT_NE(error_of("clusters:\n  main:\n    connection: a\n    timezone: Europe/Berln\n")
                .message()
                .find("is not known"),
            std::string::npos);
}

TEST(Settings, NeverRepeatTheConnectionStringInAnError) {
  const Error error = error_of("clusters:\n  main:\n    connection: password=hunter2\n    slot: 'A B'\n");
  EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos);
}

TEST(Settings, ChooseTheOnlyClusterOrTheNamedOne) {
  Settings settings = parse_settings(kSmallest, "t.yaml");
  EXPECT_EQ(choose_cluster(settings, std::nullopt).name, "main");
  settings.clusters.push_back(settings.clusters[0]);
  settings.clusters[1].name = "second";
  EXPECT_EQ(choose_cluster(settings, "second").name, "second");
  EXPECT_THROW(choose_cluster(settings, std::nullopt), Error);
  EXPECT_THROW(choose_cluster(settings, "third"), Error);
  EXPECT_EQ(choose_repository(settings, "local").posix_path, "/srv/tidemark");
  EXPECT_THROW(choose_repository(settings, "offsite"), Error);
}

}  // namespace
}  // namespace tidemark::config
