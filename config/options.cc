#include "config/options.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <vector>

namespace tidemark::config {

namespace {

using enum Scope;
using enum ValueType;

constexpr std::array kOptions = {
    // clusters.<name>
    Option{
        cluster, "connection", text, "", true, 0, 0,
        "libpq connection string of the primary, for a role with REPLICATION; passwords belong in ~/.pgpass.",
        "host=/var/run/postgresql user=tidemark dbname=postgres", "", ""},
    Option{cluster, "data_directory", path, "", false, 0, 0,
           "The cluster's data directory on this host; backups read it directly.",
           "/var/lib/postgresql/15/main", "", ""},
    Option{
        cluster, "slot", text, "tidemark", false, 0, 0,
        "Physical replication slot that keeps WAL until it is archived; also the lock between two services.",
        "tidemark", "", ""},
    Option{cluster, "timezone", timezone, "", false, 0, 0,
           "Zone of times given without an offset; without it such times are refused.", "Europe/Berlin", "",
           ""},
    Option{cluster, "objectives.rpo", duration, "5s", false, 1, 86'400,
           "At most this much committed work may be missing from the repositories at any moment.", "5s", "",
           ""},
    Option{cluster, "objectives.rto", duration, "1h", false, 1, 30 * 86'400,
           "Coming back must take no longer than this.", "10m", "", ""},
    Option{cluster, "backup.full_every", duration, "7d", false, 60, 366 * 86'400,
           "The service takes a full backup when the last one is older than this.", "7d", "", ""},
    Option{cluster, "backup.window", day_window, "", false, 0, 0,
           "Scheduled backups start only between these times of day, in the cluster's timezone (UTC without "
           "one).",
           "01:00-05:00", "", ""},
    Option{cluster, "backup.jobs", integer, "2", false, 1, 64,
           "Parallel workers of a backup and, unless --jobs says otherwise, of a restore.", "2", "", ""},
    // repositories[]
    Option{repository, "name", cluster_name, "", true, 0, 0,
           "Name of the repository in messages and on the command line.", "local", "", ""},
    Option{repository, "required", boolean, "true", false, 0, 0,
           "Whether WAL counts as safe only when this repository has it; at least one repository must be "
           "required.",
           "true", "", ""},
    Option{repository, "posix.path", path, "", true, 0, 0,
           "Directory of the repository; give it a file system and a device of its own.", "/srv/tidemark", "",
           ""},
    Option{repository, "compression", compression, "zstd:1", false, 0, 0,
           "none, or zstd with its level from 1 to 19, for backups and WAL.", "zstd:1", "", ""},
    Option{repository, "encryption.key_file", path, "", false, 0, 0,
           "File with the secret that encrypts the repository; keep a copy elsewhere. Without it nothing is "
           "encrypted.",
           "/etc/tidemark/key", "", ""},
    // service
    Option{service, "listen", address, "127.0.0.1:9753", false, 0, 0,
           "Address and port of /healthz, /metrics and /status; loopback unless you decide otherwise.",
           "127.0.0.1:9753", "", ""},
    Option{service, "spool", path, "/var/lib/tidemark/spool", false, 0, 0,
           "Local directory for WAL that is received and not yet in every repository.",
           "/var/lib/tidemark/spool", "", ""},
    // any command
    Option{global, "config", path, "", false, 0, 0,
           "Configuration file; default $TIDEMARK_CONFIG, then /etc/tidemark/tidemark.yaml.",
           "/etc/tidemark/tidemark.yaml", "", ""},
    Option{global, "cluster", text, "", false, 0, 0,
           "Cluster to work on; may be left out when one is configured.", "main", "", ""},
    Option{global, "repository", text, "", false, 0, 0,
           "Repository to read from instead of the first that answers.", "local", "", ""},
    Option{global, "json", flag, "", false, 0, 0, "Print one JSON document on standard output.", "", "", ""},
    Option{global, "verbose", flag, "", false, 0, 0, "Say more on standard error.", "", "", "-v"},
    // commands
    Option{command, "full", flag, "", false, 0, 0, "Take a full backup.", "", "backup", ""},
    Option{command, "jobs", integer, "", false, 1, 64,
           "Parallel workers; default backup.jobs of the cluster.", "4", "backup restore", ""},
    Option{command, "to", text, "", true, 0, 0,
           "Target: a time with offset or zone, latest, immediate, lsn:0/3000028, xid:1234, before-xid:1234, "
           "name:before_release, 10m ago.",
           "2026-11-22 14:30:00+01", "restore", ""},
    Option{command, "target-dir", path, "", false, 0, 0, "Empty or new directory for the restored cluster.",
           "/var/lib/postgresql/15/restored", "restore", ""},
    Option{command, "plan", flag, "", false, 0, 0,
           "Prove that the target is reachable, say what would happen, touch nothing.", "", "restore", ""},
    Option{command, "backup", text, "", false, 0, 0, "Start from this backup instead of the best one.",
           "20261122T030456Z-1f3a", "restore", ""},
    Option{command, "timeline", integer, "", false, 1, 0xFFFFFFFF,
           "Timeline to follow, where a moment exists on more than one.", "2", "restore", ""},
    Option{command, "timezone", timezone, "", false, 0, 0, "Zone of a time given without an offset.",
           "Europe/Berlin", "restore", ""},
    Option{command, "start", flag, "", false, 0, 0,
           "Start the restored server, replay, check what was reached and print the receipt.", "", "restore",
           ""},
    Option{command, "action", text, "", false, 0, 0,
           "pause, promote or shutdown at the target; default promote with --start, pause without.", "pause",
           "restore", ""},
    Option{command, "tablespace-map", list, "", false, 0, 0,
           "OLD=NEW: put the tablespace that lay at OLD into NEW; may be repeated.", "/mnt/fast=/mnt/scratch",
           "restore", ""},
    Option{command, "port", integer, "", false, 1, 65'535,
           "Port of the restored server; default: what its configuration says.", "5433", "restore", ""},
    Option{command, "listen-addresses", text, "", false, 0, 0,
           "listen_addresses of the restored server; default localhost only.", "*", "restore", ""},
    Option{command, "bin-dir", path, "", false, 0, 0,
           "Directory with pg_ctl and postgres of the cluster's major version.", "/usr/lib/postgresql/15/bin",
           "restore", ""},
};

constexpr std::array kCommands = {
    Command{"init", "", "Create the repositories' layout, keys and the slot; check privileges and settings.",
            "Can be run again at any time: what exists is checked and kept."},
    Command{"check", "",
            "Prove the way end to end: write a marker into the WAL and wait until every repository has it.",
            ""},
    Command{"serve", "",
            "Run the service: stream WAL, take backups when they are due, serve health and metrics.",
            "Stops cleanly on SIGTERM and SIGINT."},
    Command{"backup", "", "Take one backup now and print its id.", ""},
    Command{
        "restore", "", "Bring the cluster back to an exact moment in another directory.",
        "Exit status: 0 restored exactly; 3 refused, nothing touched; 5 restored, but not what was planned."},
    Command{"list", "", "Backups, recovery windows in time and LSN, gaps.", ""},
    Command{"status", "",
            "RPO now, RTO estimate, objectives, slot, last backup; works with service or primary down.",
            "Exit status: 4 when an objective is missed."},
    Command{"wal fetch", "NAME PATH", "restore_command: put the WAL file NAME at PATH.",
            "Exit status: 1 only when the file is proven not to exist; everything else that fails is above "
            "125, so that "
            "recovery stops instead of ending early."},
    Command{"wal prefetch", "DIRECTORY",
            "Fill the ready folder of a restored DIRECTORY ahead of its recovery.",
            "wal fetch starts it by itself; it ends when the recovery does."},
};

}  // namespace

std::span<const Option> all_options() { return kOptions; }
std::span<const Command> all_commands() { return kCommands; }

const Option* find_option(Scope scope, std::string_view key) {
  const auto* found = std::find_if(kOptions.begin(), kOptions.end(), [&](const Option& option) {
    return option.scope == scope && option.key == key;
  });
  return found == kOptions.end() ? nullptr : &*found;
}

bool takes(const Command& wanted, const Option& option) {
  if (option.scope == global) return true;
  if (option.scope != Scope::command) return false;
  const std::string padded = " " + std::string(option.commands) + " ";
  return padded.find(" " + std::string(wanted.name) + " ") != std::string::npos;
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> known) {
  std::optional<std::string_view> best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 2) + 1;
  for (const auto candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace tidemark::config
