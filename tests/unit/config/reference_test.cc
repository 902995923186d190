#include "config/reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "config/options.h"
#include "config/settings.h"

namespace tidemark::config {
namespace {

std::string content(const std::string& path) {
  std::ifstream in(std::string(TIDEMARK_SOURCE_DIR) + "/" + path);
  std::stringstream all;
  all << in.rdbuf();
  return all.str();
}

TEST(Reference, FilesAreAsGenerated) {
  if (std::getenv("TIDEMARK_WRITE_REFERENCE") != nullptr) {
    std::ofstream(std::string(TIDEMARK_SOURCE_DIR) + "/config/tidemark.example.yaml")
        << render_sample_configuration();
    std::ofstream(std::string(TIDEMARK_SOURCE_DIR) + "/docs/options.md") << render_options_page();
  }
  EXPECT_EQ(content("config/tidemark.example.yaml"), render_sample_configuration())
      << "run scripts/generate-reference";
  EXPECT_EQ(content("docs/options.md"), render_options_page()) << "run scripts/generate-reference";
}

TEST(Reference, SampleParsesAndEqualsTheDefaults) {
  const Settings sample = parse_settings(render_sample_configuration(), "sample");
  EXPECT_EQ(sample.clusters.at(0).rpo, std::chrono::seconds(5));
  EXPECT_EQ(sample.repositories.at(0).posix_path, "/srv/tidemark");
}

TEST(Reference, SampleWithEveryKeyUncommentedParsesToo) {
  std::istringstream lines(render_sample_configuration());
  std::string all;
  for (std::string line; std::getline(lines, line);) {
    const auto mark = line.find("# ");
    const bool commented_key = mark != line.npos && line.find_first_not_of(' ') == mark &&
                               line.find(": ") != line.npos && line.back() != '.';
    if (commented_key) line.erase(mark, 2);
    all += line + "\n";
  }
  const Settings settings = parse_settings(all, "sample");
  EXPECT_EQ(settings.clusters.at(0).timezone, "Europe/Berlin");
  EXPECT_EQ(settings.clusters.at(0).data_directory, "/var/lib/postgresql/15/main");
  EXPECT_EQ(settings.clusters.at(0).backup_window, (DayWindow{60, 300}));
  EXPECT_EQ(settings.repositories.at(0).key_file, "/etc/tidemark/key");
}

TEST(Options, AreConsistent) {
  std::set<std::pair<Scope, std::string_view>> keys;
  for (const Option& option : all_options()) {
    EXPECT_TRUE(keys.emplace(option.scope, option.key).second) << option.key;
    EXPECT_FALSE(option.sentence.empty()) << option.key;
    EXPECT_EQ(option.sentence.back(), '.') << option.key;
    EXPECT_LE(option.minimum, option.maximum) << option.key;
    EXPECT_TRUE(option.type == ValueType::flag || !option.example.empty()) << option.key;
    if (option.scope == Scope::command) {
      bool taken = false;
      for (const Command& command : all_commands()) taken = taken || takes(command, option);
      EXPECT_TRUE(taken) << option.key << " belongs to no command";
    }
  }
}

TEST(Options, NearestStaysSilentWhenNothingIsNear) {
  constexpr std::string_view kKnown[] = {"connection", "slot"};
  EXPECT_EQ(nearest("conection", kKnown), "connection");
  EXPECT_FALSE(nearest("retention_policy_x", kKnown).has_value());
}

}  // namespace
}  // namespace tidemark::config
