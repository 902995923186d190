// The written habits of the project, as a test: sizes of files and functions, no orphan files, self-contained
// headers' first lines, no banned words. What may include what is checked by CMake when it configures
// (cmake/rooms.cmake).

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = TIDEMARK_SOURCE_DIR;
constexpr std::size_t kFileLinesLimit = 500;
constexpr std::size_t kFunctionLinesLimit = 70;
constexpr std::size_t kColumnLimit = 120;

std::vector<fs::path> sources(const std::vector<std::string>& folders) {
  std::vector<fs::path> found;
  for (const auto& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".cc" || extension == ".h") found.push_back(entry.path());
    }
  }
  return found;
}

const std::vector<std::string> kCode = {"include", "wal", "catalog", "config", "src"};
const std::vector<std::string> kCodeAndTests = {"include", "wal", "catalog", "config", "src", "tests"};

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string shown(const fs::path& path) { return fs::relative(path, kRoot).string(); }

TEST(Tidy, SourceFilesAreShort) {
  for (const auto& path : sources(kCode)) {
    EXPECT_LE(lines_of(path).size(), kFileLinesLimit) << shown(path);
  }
}

// Relies on clang-format's layout: a function's body ends with a brace in the column where its first line
// began.
TEST(Tidy, FunctionsAreShort) {
  const std::regex opening(R"(^( {0,4})[A-Za-z~:][^;]*\)( const| noexcept| override| final)*( ->.*)? \{$)");
  const std::regex no_function(R"(^ *(if|for|while|switch|namespace|class|struct|else|do|return)\b.*)");
  for (const auto& path : sources(kCode)) {
    const auto lines = lines_of(path);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::smatch match;
      const bool lambda = lines[i].find("](") != std::string::npos;  // ends with more than a brace
      if (lambda || !std::regex_match(lines[i], match, opening) || std::regex_match(lines[i], no_function))
        continue;
      const std::string closing = match[1].str() + "}";
      std::size_t end = i + 1;
      while (end < lines.size() && lines[end] != closing) ++end;
      EXPECT_LE(end - i + 1, kFunctionLinesLimit) << shown(path) << ":" << i + 1 << ": " << lines[i];
    }
  }
}

TEST(Tidy, LinesAreReadable) {
  for (const auto& path : sources(kCodeAndTests)) {
    const auto lines = lines_of(path);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      EXPECT_LE(lines[i].size(), kColumnLimit) << shown(path) << ":" << i + 1;
      EXPECT_EQ(lines[i].find('\t'), std::string::npos) << shown(path) << ":" << i + 1 << " holds a tab";
    }
  }
}

TEST(Tidy, HeadersGuardThemselvesAndSayWhatTheyAre) {
  for (const auto& path : sources(kCode)) {
    if (path.extension() != ".h") continue;
    const auto lines = lines_of(path);
    ASSERT_GE(lines.size(), 2U) << shown(path);
    EXPECT_EQ(lines[0], "#pragma once") << shown(path);
    EXPECT_EQ(lines[1].substr(0, 2), "//") << shown(path) << " does not say what it is in its second line";
  }
}

TEST(Tidy, EveryHeaderIsIncludedSomewhere) {
  std::set<std::string> included;
  const std::regex include_line(R"(^#include "([^"]+)\".*)");
  for (const auto& path : sources(kCodeAndTests)) {
    for (const auto& line : lines_of(path)) {
      std::smatch match;
      if (std::regex_match(line, match, include_line))
        included.insert(fs::path(match[1].str()).filename().string());
    }
  }
  for (const auto& path : sources(kCodeAndTests)) {
    if (path.extension() != ".h") continue;
    EXPECT_TRUE(included.contains(path.filename().string())) << shown(path) << " is an orphan";
  }
}

TEST(Tidy, EveryTestFileBelongsToASuite) {
  for (const auto& path : sources({"tests"})) {
    const std::string name = path.filename().string();
    if (!name.ends_with("_test.cc")) continue;
    const std::string top = fs::relative(path, kRoot / "tests").begin()->string();
    EXPECT_TRUE(top == "unit" || top == "contract" || top == "fault" || top == "e2e" || top == "tidy")
        << shown(path);
  }
}

TEST(Tidy, NamesSayWhatThingsAre) {
  const std::regex banned(R"(\b(class|struct) \w*(Manager|Helper|Util|Utils)\b.*)");
  for (const auto& path : sources(kCode)) {
    const std::string stem = path.stem().string();
    EXPECT_EQ(stem.find("util"), std::string::npos) << shown(path);
    for (const auto& line : lines_of(path)) {
      EXPECT_FALSE(std::regex_search(line, banned)) << shown(path) << ": " << line;
    }
  }
}

TEST(Tidy, NothingIsLeftForLater) {
  const std::regex later(std::string("\\b(TO") + "DO|FIX" + "ME|X" + "XX)\\b");
  for (const auto& path : sources(kCodeAndTests)) {
    const auto lines = lines_of(path);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      EXPECT_FALSE(std::regex_search(lines[i], later)) << shown(path) << ":" << i + 1 << ": " << lines[i];
    }
  }
}

// Every durable step goes through one port, so that tests can make it fail: design.md "Rooms".
TEST(Tidy, OnlyDurableOpsChangesFiles) {
  const std::regex call(
      R"([^A-Za-z0-9_>]::(write|pwrite|pwritev|writev|fsync|fdatasync|rename|renameat|link|linkat|unlink|unlinkat|)"
      R"(mkdir|rmdir|symlink|truncate|ftruncate|fallocate)\()");
  const std::regex stream(
      R"(\bstd::(ofstream|fstream)\b|)"
      R"(\bfilesystem::(rename|remove|remove_all|create_director\w+|copy\w*|resize_file)\()");
  for (const auto& path : sources({"wal", "catalog", "config", "src"})) {
    const std::string where = shown(path);
    if (where.starts_with("src/disk/") || where == "src/base/stop.cc")
      continue;  // stop.cc writes to an eventfd
    const auto lines = lines_of(path);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const bool allowed = lines[i].find("// not a file") != std::string::npos;  // pipes, eventfds
      EXPECT_FALSE(!allowed && (std::regex_search(lines[i], call) || std::regex_search(lines[i], stream)))
          << where << ":" << i + 1 << ": " << lines[i];
    }
  }
}

}  // namespace
