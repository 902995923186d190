#include "harness/transaction_ends.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "harness/postgres_cluster.h"
#include "harness/program.h"
#include "tidemark/error.h"

namespace tidemark::test {

namespace {

std::string_view between(std::string_view line, std::string_view from, std::string_view to) {
  const auto start = line.find(from);
  if (start == std::string_view::npos) return {};
  line.remove_prefix(start + from.size());
  return line.substr(0, line.find(to));
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return std::string(text);
}

// "2026-11-22 03:04:05.123456 UTC" at the beginning of the text.
Instant parse_time(std::string text) {
  if (text.size() < 26) throw Error(ErrorKind::internal, "no time in pg_waldump's " + text);
  text.resize(26);
  text[10] = 'T';
  const auto time = Instant::parse_iso(text + "Z");
  if (!time) throw Error(ErrorKind::internal, "no time in pg_waldump's " + text);
  return *time;
}

std::optional<TransactionEnd::Kind> parse_kind(std::string_view word) {
  using Kind = TransactionEnd::Kind;
  if (word == "COMMIT") return Kind::commit;
  if (word == "ABORT") return Kind::abort;
  if (word == "PREPARE") return Kind::prepare;
  if (word == "COMMIT_PREPARED") return Kind::commit_prepared;
  if (word == "ABORT_PREPARED") return Kind::abort_prepared;
  return std::nullopt;
}

// Without a last one pg_waldump reads the first segment alone. Files kept for reuse lie behind the end: it
// stops there.
std::pair<std::string, std::string> segments(const std::filesystem::path& folder, TimelineId timeline) {
  const auto prefix = fmt::format("{:08X}", timeline.value());
  std::string first, last;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name.size() != 24 || !name.starts_with(prefix)) continue;
    if (first.empty() || name < first) first = name;
    if (name > last) last = name;
  }
  if (first.empty())
    throw Error(ErrorKind::not_found, "no WAL of timeline " + prefix + " in " + folder.string());
  return {first, last};
}

}  // namespace

// rmgr: Transaction len (rec/tot): 34/ 34, tx: 735, lsn: 0/0154D1A0, prev 0/0154D168, desc: COMMIT 2026-11-22
// ... UTC
bool parse_transaction_end(std::string_view line, TransactionEnd& end) {
  if (!line.starts_with("rmgr: Transaction")) return false;
  const auto lsn = trimmed(between(line, "lsn: ", ","));
  auto description = between(line, "desc: ", "\n");
  const auto word = description.substr(0, description.find(' '));
  const auto kind = parse_kind(word);
  if (!kind) return false;
  end.kind = *kind;
  // pg_waldump pads the low half with zeros, which Lsn::parse refuses.
  const auto slash = lsn.find('/');
  end.lsn = Lsn(std::stoull(lsn.substr(0, slash), nullptr, 16) << 32 |
                std::stoull(lsn.substr(slash + 1), nullptr, 16));
  auto rest = trimmed(description.substr(std::min(description.size(), word.size())));
  end.xid = static_cast<std::uint32_t>(std::stoul(trimmed(between(line, "tx: ", ","))));
  if (*kind == TransactionEnd::Kind::commit_prepared || *kind == TransactionEnd::Kind::abort_prepared) {
    end.xid = static_cast<std::uint32_t>(std::stoul(rest));
    rest = trimmed(std::string_view(rest).substr(rest.find(':') + 1));
  } else if (*kind == TransactionEnd::Kind::prepare) {
    rest = trimmed(std::string_view(rest).substr(rest.find(": ") + 1));  // "gid name: 2026-..."
  }
  end.time = parse_time(rest);
  return true;
}

std::vector<TransactionEnd> read_transaction_ends(const std::filesystem::path& wal_folder,
                                                  TimelineId timeline, int major) {
  ProgramOptions options;
  options.user = server_user();
  options.environment = {{"TZ", "UTC"}, {"LC_ALL", "C"}};
  options.working_directory = "/tmp";
  const auto [first, last] = segments(wal_folder, timeline);
  // It always ends with a complaint about the first place where no record is: the end of the WAL.
  const auto dump = run_program(server_binaries(major) / "pg_waldump",
                                {"--rmgr=Transaction", "-p", wal_folder.string(), first, last}, options);
  std::vector<TransactionEnd> ends;
  std::istringstream lines(dump.output);
  for (std::string line; std::getline(lines, line);) {
    TransactionEnd end;
    if (parse_transaction_end(line, end)) ends.push_back(end);
  }
  if (ends.empty()) throw Error(ErrorKind::internal, "pg_waldump found no transaction: " + dump.errors);
  return ends;
}

}  // namespace tidemark::test
