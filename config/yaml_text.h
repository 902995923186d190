#pragma once
// The configuration's text as checked key-value pairs with their lines, before they get their types. Every
// key is held against the option table here, so that nothing unknown passes in silence.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"

namespace tidemark::config {

struct TextValue {
  std::string text;
  int line = 0;
};

// The values of one cluster, repository or service: dotted keys as in the table.
struct TextSection {
  std::string name;  // of a cluster
  int line = 0;
  std::map<std::string, TextValue, std::less<>> values;
};

struct TextSettings {
  std::vector<TextSection> clusters, repositories;
  TextSection service;
};

TextSettings parse_yaml_text(std::string_view yaml, std::string_view file_name);  // Error config

}  // namespace tidemark::config
