#pragma once
// Which lines the log gets as a cluster's state changes: one when trouble begins, one when it is over. Pure.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "monitor/cluster_report.h"
#include "tidemark/log.h"

namespace tidemark::service {

struct LogLine {
  LogLevel level = LogLevel::info;
  std::string text;
  bool operator==(const LogLine&) const = default;
};

class ChangeLog {
 public:
  std::vector<LogLine> changes(const monitor::ClusterReport& report);

 private:
  void follow_state(const monitor::ClusterReport& report);
  void follow_trouble(const std::string& what, const std::string& trouble, const std::string& mended);
  void follow_rpo(const monitor::ClusterReport& report);
  void follow_server(const monitor::ClusterReport& report);
  void add(LogLevel level, std::string text);

  std::string cluster_;
  std::vector<LogLine> lines_;
  std::string state_;                            // the last settled one
  std::map<std::string, std::string> troubles_;  // by what is troubled
  bool rpo_missed_ = false;
  std::optional<std::string> sync_state_;
  std::string wal_status_;
};

// For the service manager, one cluster in a few words: "main: streaming, RPO 0.0 s".
std::string summary_text(const monitor::ClusterReport& report);

}  // namespace tidemark::service
