#include "harness/tidemark_program.h"

#include <fmt/format.h>

#include "harness/cluster_template.h"
#include "harness/free_port.h"
#include "tidemark/error.h"
#include "tidemark/lsn.h"

namespace tidemark::test {

namespace fs = std::filesystem;

namespace {

constexpr auto kServiceLimit = std::chrono::seconds(60);

Json parse_or_null(const std::string& text) {
  auto document = Json::parse(text, nullptr, false);
  return document.is_discarded() ? Json() : document;
}

// The line of standard error that --json puts there; progress and warnings stand around it.
Json find_error(const std::string& errors) {
  std::size_t begin = 0;
  while (begin < errors.size()) {
    const auto end = std::min(errors.find('\n', begin), errors.size());
    if (errors[begin] == '{') {
      const Json document = parse_or_null(errors.substr(begin, end - begin));
      if (document.is_object() && document.contains("error")) return document["error"];
    }
    begin = end + 1;
  }
  return {};
}

std::string text_of(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return {};
  return object[key].get<std::string>();
}

Error failed(const std::string& what, const std::string& told) {
  return Error(ErrorKind::internal, fmt::format("{}:\n{}", what, told));
}

}  // namespace

std::string CommandResult::code() const { return text_of(error, "code"); }
std::string CommandResult::hint() const { return text_of(error, "hint"); }
std::string CommandResult::told() const {
  return fmt::format("exit status {}\n{}\n{}", exit_status, document.is_null() ? "" : document.dump(2),
                     errors);
}

struct TidemarkProgram::State {
  ScratchFolder scratch;
  fs::path binary;
  const PostgresCluster* cluster = nullptr;
  TidemarkOptions options;
  fs::path home;  // of the server's user
  fs::path key;   // as TidemarkProgram made it; shared with copies
  fs::path configuration;
  std::vector<fs::path> repositories;
  std::unique_ptr<Process> service;

  State(fs::path program, const PostgresCluster& of, TidemarkOptions wanted)
      : binary(std::move(program)), cluster(&of), options(std::move(wanted)) {
    home = scratch.path() / "tidemark";
    fs::create_directory(home);
    give_to_server_user(home);
    configuration = home / "tidemark.yaml";
  }

  void make_key() {
    key = home / "key";
    write_text_file(key, std::string(32, 'k'));
    fs::permissions(key, fs::perms::owner_read | fs::perms::owner_write);
    give_to_server_user(key);
  }

  void write_configuration() const {
    const auto data = options.data_directory.value_or(cluster->data_directory());
    std::string text = fmt::format("clusters:\n  main:\n    connection: {}\n    data_directory: {}\n",
                                   cluster->connection_string(), data.string());
    if (!options.timezone.empty()) text += fmt::format("    timezone: {}\n", options.timezone);
    text += fmt::format("    objectives: {{ rpo: {} }}\nrepositories:\n", options.rpo);
    for (std::size_t i = 0; i < repositories.size(); ++i) {
      text += fmt::format("  - name: {}\n    posix: {{ path: {} }}\n", options.repositories[i],
                          repositories[i].string());
      if (options.encrypted) text += fmt::format("    encryption: {{ key_file: {} }}\n", key.string());
    }
    text += fmt::format("service: {{ listen: \"127.0.0.1:{}\", spool: {} }}\n", free_port(),
                        (home / "spool").string());
    write_text_file(configuration, text);
    give_to_server_user(configuration);
  }

  std::vector<std::string> arguments(const std::vector<std::string>& given) const {
    std::vector<std::string> all = {"--config", configuration.string()};
    all.insert(all.end(), given.begin(), given.end());
    return all;
  }

  ProgramOptions program_options() const {
    ProgramOptions program;
    program.user = server_user();
    program.working_directory = home;
    return program;
  }

  // Does the primary stream to the service, and how far is the archive?
  std::optional<Lsn> flushed() const {
    return Lsn::parse(
        cluster->sql("SELECT flush_lsn FROM pg_stat_replication WHERE application_name = 'tidemark' AND "
                     "state = 'streaming'"));
  }
};

TidemarkProgram::TidemarkProgram(fs::path binary, const PostgresCluster& cluster,
                                 const TidemarkOptions& options)
    : state_(std::make_unique<State>(std::move(binary), cluster, options)) {
  state_->make_key();
  for (const auto& name : options.repositories) state_->repositories.push_back(state_->home / name);
  state_->write_configuration();
}

TidemarkProgram::TidemarkProgram(std::unique_ptr<State> state) : state_(std::move(state)) {}
TidemarkProgram::~TidemarkProgram() = default;

const fs::path& TidemarkProgram::folder() const { return state_->home; }
const fs::path& TidemarkProgram::configuration() const { return state_->configuration; }

fs::path TidemarkProgram::repository(const std::string& name) const {
  for (std::size_t i = 0; i < state_->repositories.size(); ++i) {
    if (state_->options.repositories[i] == name) return state_->repositories[i];
  }
  throw Error(ErrorKind::internal, "the test has no repository " + name);
}

CommandResult TidemarkProgram::run(const std::vector<std::string>& arguments,
                                   std::chrono::seconds timeout) const {
  auto all = state_->arguments(arguments);
  all.emplace_back("--json");
  auto options = state_->program_options();
  options.timeout = timeout;
  const auto ended = run_program(state_->binary.string(), all, options);
  CommandResult result;
  result.exit_status = ended.exit_status;
  result.document = parse_or_null(ended.output);
  result.error = find_error(ended.errors);
  result.errors = (ended.timed_out ? "timed out\n" : "") + ended.errors;
  if (result.document.is_null()) result.errors = ended.output + result.errors;
  return result;
}

Json TidemarkProgram::must(const std::vector<std::string>& arguments) const {
  auto result = run(arguments);
  if (result.exit_status != 0) {
    throw failed(fmt::format("tidemark {} failed", fmt::join(arguments, " ")), result.told());
  }
  return std::move(result.document);
}

std::unique_ptr<Process> TidemarkProgram::begin(const std::vector<std::string>& arguments,
                                                const std::string& name) const {
  return std::make_unique<Process>(state_->binary.string(), state_->arguments(arguments),
                                   state_->home / (name + ".log"), state_->program_options());
}

void TidemarkProgram::start_service() {
  TIDEMARK_CHECK(!service_running());
  state_->service = begin({"serve"}, "service");
  const bool up = eventually([&] { return state_->flushed() || !state_->service->running(); }, kServiceLimit);
  if (!up || !state_->service->running()) throw failed("the service does not stream", service_log());
}

void TidemarkProgram::stop_service() {
  TIDEMARK_CHECK(state_->service != nullptr);
  state_->service->terminate();
  const auto status = state_->service->wait(kServiceLimit);
  state_->service.reset();
  if (!status) throw failed("the service does not stop", service_log());
  if (*status != 0) throw failed(fmt::format("the service ended with {}", *status), service_log());
}

void TidemarkProgram::kill_service() { state_->service.reset(); }
bool TidemarkProgram::service_running() const { return state_->service && state_->service->running(); }
std::string TidemarkProgram::service_log() const { return read_text_file(state_->home / "service.log"); }

void TidemarkProgram::wait_until_archived() {
  auto connection = state_->cluster->connect();
  // Behind a commit of our own, so that nothing that ships later lies below it; a second one after a while,
  // in case a background process wrote between the commit and the look.
  for (int attempt = 0; attempt < 6; ++attempt) {
    // A transaction that wrote nothing would commit without waiting for the disk.
    connection.query("SELECT pg_logical_emit_message(true, 'test', 'archived?')");
    const auto end = Lsn::parse(connection.query("SELECT pg_current_wal_flush_lsn()").value());
    const auto arrived = [&] {
      const auto flushed = state_->flushed();
      return flushed && end && *flushed >= *end;
    };
    if (eventually(arrived, std::chrono::seconds(10))) return;
    if (!service_running()) break;
  }
  throw failed("the WAL does not reach the repository", service_log());
}

void TidemarkProgram::wait_until_looked_at() {
  auto connection = state_->cluster->connect();
  std::string since = connection.query("SELECT clock_timestamp()").value();
  // The second look begins when what the first one brought has been taken in.
  for (int looks = 0; looks < 2; ++looks) {
    const auto looked = [&] {
      const auto rows = connection.query(
          "SELECT max(query_start) FROM pg_stat_activity WHERE application_name = 'tidemark'"
          " AND backend_type = 'client backend' AND query_start > $1",
          {since});
      const auto& last = rows.rows.at(0).at(0);
      if (last) since = *last;
      return last.has_value();
    };
    if (!eventually(looked, kServiceLimit)) throw failed("the service does not look", service_log());
  }
}

Json TidemarkProgram::list() const { return must({"list"}).at("clusters").at(0); }

Json TidemarkProgram::only_window() const {
  const Json clusters = list();
  if (clusters.at("windows").size() != 1) throw failed("not one recovery window", clusters.dump(2));
  return clusters.at("windows").at(0);
}

std::unique_ptr<TidemarkProgram> TidemarkProgram::with_repository_copy(const std::string& name) const {
  auto state = std::make_unique<State>(state_->binary, *state_->cluster, state_->options);
  state->key = state_->key;
  state->repositories = state_->repositories;
  const auto copy = state->home / name;
  run_as_server_user("/bin/cp", {"-a", state_->repositories.front().string(), copy.string()});
  state->repositories.front() = copy;
  state->write_configuration();
  return std::unique_ptr<TidemarkProgram>(new TidemarkProgram(std::move(state)));
}

}  // namespace tidemark::test
