#pragma once
// What is generated from the option table: the sample configuration and the reference page. Regenerate with
// scripts/generate-reference; a test compares.

#include <string>

namespace tidemark::config {

std::string render_sample_configuration();  // config/tidemark.example.yaml; parses, and holds every key
std::string render_options_page();          // docs/options.md

}  // namespace tidemark::config
