#include "tidemark/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace tidemark {

ErrorKindTraits traits(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return {"usage", 2, false};
    case ErrorKind::config:
      return {"config", 2, false};
    case ErrorKind::refused:
      return {"refused", 3, false};
    case ErrorKind::not_found:
      return {"not_found", 1, false};
    case ErrorKind::mismatch:
      return {"mismatch", 1, false};
    case ErrorKind::corrupt:
      return {"corrupt", 1, false};
    case ErrorKind::unavailable:
      return {"unavailable", 1, true};
    case ErrorKind::io:
      return {"io", 1, false};
    case ErrorKind::interrupted:
      return {"interrupted", 1, false};
    case ErrorKind::internal:
      return {"internal", 1, false};
  }
  return {"internal", 1, false};
}

Error::Error(ErrorKind kind, std::string message)
    : std::runtime_error(message), kind_(kind), message_(std::move(message)), full_(message_) {}

Error&& Error::code(std::string_view narrower) && {
  code_ = narrower;
  return std::move(*this);
}

Error&& Error::hint(std::string text) && {
  hint_ = std::move(text);
  return std::move(*this);
}

void Error::add_context(std::string_view doing) {
  context_ = std::string(doing) + (context_.empty() ? "" : ": " + context_);
  full_ = context_ + ": " + message_;
}

std::string_view Error::code() const { return code_.empty() ? traits(kind_).label : std::string_view(code_); }

namespace {

struct ErrnoText {
  int number;
  const char* code;
  const char* hint;
};

constexpr ErrnoText kErrnoTexts[] = {
    {ENOSPC, "no_space", "free space on that file system; nothing half-written was kept"},
    {EDQUOT, "no_space", "raise the quota of this user on that file system"},
    {EACCES, "permission_denied", "check owner and mode of the path and of every folder above it"},
    {EPERM, "permission_denied", "check owner and mode of the path, and that it is not immutable"},
    {EROFS, "read_only", "remount the file system read-write"},
    {EMFILE, "too_many_files", "raise the limit of open files (ulimit -n)"},
};

}  // namespace

Error errno_error(int error_number, std::string_view what_failed) {
  Error error(ErrorKind::io, std::string(what_failed) + ": " + std::generic_category().message(error_number));
  for (const auto& text : kErrnoTexts) {
    if (text.number == error_number) return std::move(error).code(text.code).hint(text.hint);
  }
  return error;
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "tidemark: internal check failed: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace tidemark
