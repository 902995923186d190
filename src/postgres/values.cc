#include "postgres/values.h"

#include <fmt/format.h>

#include <charconv>

#include "tidemark/error.h"

namespace tidemark::postgres {

std::int64_t parse_integer(std::string_view text, std::string_view what) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    throw Error(ErrorKind::internal, fmt::format("reading {}: '{}' is no whole number", what, text));
  }
  return value;
}

Lsn parse_lsn(std::string_view text, std::string_view what) {
  const auto lsn = Lsn::parse(text);
  if (!lsn) throw Error(ErrorKind::internal, fmt::format("reading {}: '{}' is no WAL position", what, text));
  return *lsn;
}

RowReader::RowReader(const Rows& rows, std::string what) : rows_(rows), what_(std::move(what)) {
  if (rows.rows.size() != 1) {
    throw Error(ErrorKind::internal,
                fmt::format("reading {}: {} rows instead of one", what_, rows.rows.size()));
  }
}

const std::optional<std::string>& RowReader::at(std::size_t column) const {
  const auto& row = rows_.rows.front();
  if (column >= row.size()) {
    throw Error(ErrorKind::internal, fmt::format("reading {}: no column {}", what_, column + 1));
  }
  return row[column];
}

std::int64_t RowReader::integer(std::size_t column) const {
  return parse_integer(at(column).value_or(""), what_);
}

bool RowReader::boolean(std::size_t column) const {
  const auto text = at(column).value_or("");
  if (text != "t" && text != "f") {
    throw Error(ErrorKind::internal, fmt::format("reading {}: '{}' is no truth value", what_, text));
  }
  return text == "t";
}

Lsn RowReader::lsn_or_zero(std::size_t column) const {
  const auto& text = at(column);
  return text ? parse_lsn(*text, what_) : Lsn();
}

std::string RowReader::text_or_empty(std::size_t column) const { return at(column).value_or(""); }

}  // namespace tidemark::postgres
