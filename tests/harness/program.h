#pragma once
// Running other programs from tests: to the end with their output captured, or in the background.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::test {

struct ProgramOptions {
  std::vector<std::pair<std::string, std::string>> environment;  // added to this process's own
  std::string input;                                             // its standard input
  std::chrono::seconds timeout{120};                             // then it is killed with its whole group
  std::optional<std::string> user;                               // only root can change it; ignored otherwise
  std::filesystem::path working_directory;
};

struct ProgramResult {
  int exit_status = 0;  // 128 + signal when it was killed
  bool timed_out = false;
  std::string output, errors;
};

// Errors: not_found or io when it cannot be started. A failing program is a result, not an error.
ProgramResult run_program(const std::string& program, const std::vector<std::string>& arguments,
                          const ProgramOptions& options = {});

// A program in the background. It is killed when the object ends, or when the thread that started it ends.
class Process {
 public:
  Process(const std::string& program, const std::vector<std::string>& arguments,
          const std::filesystem::path& output_file,  // standard output and standard error, appended
          const ProgramOptions& options = {});       // input and timeout are not used
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  long pid() const;
  bool running() const;
  void signal(int number) const;
  void terminate() const;                               // SIGTERM
  void kill();                                          // SIGKILL, and waits
  std::optional<int> wait(std::chrono::seconds limit);  // the exit status; nullopt when it still runs
  std::string output() const;                           // what it has written so far
  // Waits until the output holds the text; false when the limit passes or the process ends without it.
  bool wait_for_output(const std::string& text, std::chrono::seconds limit) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Polls until the condition holds; false when the limit passed first.
template <typename Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20));
void pause_before_looking_again();

template <typename Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() > end) return false;
    pause_before_looking_again();
  }
}

std::string read_text_file(const std::filesystem::path& path);  // "" when there is none
void write_text_file(const std::filesystem::path& path, const std::string& content);

}  // namespace tidemark::test
