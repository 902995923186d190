#pragma once
// Inside the room only: what the server and libpq say, as an Error. Kinds follow the SQLSTATE, never the
// text, because a server speaks the language of its lc_messages; text is looked at only where libpq gives
// nothing else.

#include <string>
#include <string_view>

#include "tidemark/error.h"

namespace tidemark::postgres {

// All lines of libpq's text joined to one, severity prefixes left as they are, blanks trimmed.
std::string one_line(std::string_view libpq_text);

// A connection that could not be made. `libpq_text` was produced with verbose errors and holds no secret any
// more.
Error connect_error(std::string_view host, std::string_view libpq_text, bool needs_password);

// A statement that was refused.
Error sqlstate_error(std::string_view sqlstate, std::string_view doing, std::string_view server_text,
                     std::string_view server_hint);

}  // namespace tidemark::postgres
