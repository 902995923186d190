#include "pgdata/backup_label.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "tidemark/error.h"

namespace tidemark::pgdata {

namespace {

Error bad_label(std::string_view why) {
  return Error(ErrorKind::corrupt, fmt::format("backup_label cannot be understood: {}", why));
}

// The rest of the line that begins with `key`; nullopt when there is none.
std::optional<std::string_view> find_line(std::string_view content, std::string_view key) {
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    const std::string_view line = content.substr(0, end);
    if (line.starts_with(key)) return line.substr(key.size());
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return std::nullopt;
}

Lsn need_lsn(std::string_view content, std::string_view key) {
  const auto rest = find_line(content, key);
  if (!rest) throw bad_label(fmt::format("it has no line '{}'", key));
  const auto lsn = Lsn::parse(rest->substr(0, rest->find(' ')));
  if (!lsn) throw bad_label(fmt::format("'{}{}' holds no position", key, *rest));
  return *lsn;
}

std::uint32_t need_number(std::string_view text, std::string_view what) {
  std::uint32_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: '{}' is no number", what, text));
  }
  return number;
}

}  // namespace

BackupLabel parse_backup_label(std::string_view content) {
  BackupLabel label;
  label.start = need_lsn(content, "START WAL LOCATION: ");
  label.checkpoint = need_lsn(content, "CHECKPOINT LOCATION: ");
  const auto timeline = find_line(content, "START TIMELINE: ");
  if (!timeline) throw bad_label("it has no line 'START TIMELINE: '");
  label.timeline = TimelineId(need_number(*timeline, "backup_label's START TIMELINE"));
  if (!label.timeline.valid()) throw bad_label("its timeline is 0");
  const auto from = find_line(content, "BACKUP FROM: ");
  if (!from) throw bad_label("it has no line 'BACKUP FROM: '");
  label.from_standby = *from == "standby";
  return label;
}

std::vector<TablespaceLocation> parse_tablespace_map(std::string_view content) {
  std::vector<TablespaceLocation> map;
  std::string line;
  const auto end_line = [&] {
    if (line.empty()) return;
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos || blank + 1 == line.size()) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("tablespace_map has a line without a location: '{}'", line));
    }
    const std::uint32_t oid = need_number(std::string_view(line).substr(0, blank), "tablespace_map");
    map.push_back({oid, line.substr(blank + 1)});
    line.clear();
  };
  for (std::size_t at = 0; at < content.size(); ++at) {
    if (content[at] == '\\' && at + 1 < content.size()) {
      line += content[++at];
    } else if (content[at] == '\n' || content[at] == '\r') {
      end_line();
    } else {
      line += content[at];
    }
  }
  end_line();
  return map;
}

std::string render_tablespace_map(const std::vector<TablespaceLocation>& map) {
  std::string content;
  for (const TablespaceLocation& tablespace : map) {
    content += fmt::format("{} ", tablespace.oid);
    for (const char c : tablespace.path) {
      if (c == '\n' || c == '\r' || c == '\\') content += '\\';
      content += c;
    }
    content += '\n';
  }
  return content;
}

}  // namespace tidemark::pgdata
