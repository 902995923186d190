#pragma once
// The one exception class of the project, and the one table that says what each kind of error means outside:
// exit status, label (metrics, JSON) and whether trying again can help. Foreseen outcomes are return values,
// not errors.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tidemark {

enum class ErrorKind : std::uint8_t {
  usage,        // the command line cannot be understood
  config,       // the configuration cannot be used
  refused,      // asked for something that must not be done; nothing was touched
  not_found,    // what was named does not exist
  mismatch,     // two things that must agree do not (system identifier, timeline, content under one name)
  corrupt,      // bytes are not what was stored
  unavailable,  // a server or store does not answer now; trying again can help
  io,           // the operating system refused an operation on a local file
  interrupted,  // asked to stop before the work was done
  internal,     // our own mistake
};

struct ErrorKindTraits {
  std::string_view label;  // stable; "code" in JSON unless the error has a narrower one
  int exit_status;         // of a command that ends with this error
  bool retry;              // may the same operation succeed later without anybody's help?
};

ErrorKindTraits traits(ErrorKind kind);

// Message style: lower case, no full stop, says what failed on what and why.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string message);

  // Builders, used at the throw: `throw Error(ErrorKind::refused,
  // ...).hint("...").code("target_before_window")`.
  Error&& code(std::string_view narrower) &&;  // stable, snake_case; what scripts match on
  Error&& hint(std::string text) &&;           // what the reader should do next; one sentence
  // Added by job boundaries on the way up: "archiving segment X of timeline Y".
  void add_context(std::string_view doing);

  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }  // without context
  const std::string& hint() const { return hint_; }
  std::string_view code() const;
  const char* what() const noexcept override { return full_.c_str(); }  // context: message

 private:
  ErrorKind kind_;
  std::string code_;
  std::string message_;
  std::string hint_;
  std::string context_;
  std::string full_;
};

// An Error of kind io for the errno of a failed call; ENOSPC, EDQUOT, EACCES and EROFS get their own code and
// hint.
Error errno_error(int error_number, std::string_view what_failed);

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace tidemark

// For our own mistakes only; on in release builds: prints the place and aborts.
#define TIDEMARK_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::tidemark::check_failed(#condition, __FILE__, __LINE__))
