#pragma once
// Inside the room only: what the server sends as text, as values. All members throw Error internal when the
// answer has another shape than the statement promises: our SQL and the server's version do not fit then.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/connection.h"

namespace tidemark::postgres {

std::int64_t parse_integer(std::string_view text, std::string_view what);
Lsn parse_lsn(std::string_view text, std::string_view what);

// The only row of an answer; `rows` must outlive it.
class RowReader {
 public:
  RowReader(const Rows& rows, std::string what);
  const std::optional<std::string>& at(std::size_t column) const;
  std::int64_t integer(std::size_t column) const;
  bool boolean(std::size_t column) const;
  Lsn lsn_or_zero(std::size_t column) const;            // NULL is 0/0
  std::string text_or_empty(std::size_t column) const;  // NULL is ""

 private:
  const Rows& rows_;
  std::string what_;
};

}  // namespace tidemark::postgres
