#pragma once
// The truth about transactions in WAL order, from PostgreSQL's own pg_waldump: independent of the code under
// test.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::test {

struct TransactionEnd {
  enum class Kind { commit, abort, prepare, commit_prepared, abort_prepared };
  Kind kind = Kind::commit;
  std::uint32_t xid = 0;  // of the transaction that ends, also for the prepared forms
  Lsn lsn;                // start of the record
  Instant time;           // its stamp; for a prepare, when it was prepared
};

// One line of pg_waldump's output; false for lines that end no transaction.
bool parse_transaction_end(std::string_view line, TransactionEnd& end);

// All in the folder's segments of one timeline, from the first segment file there. Keep the WAL:
// `wal_keep_size` large. Reads up to the first gap or the end of what is written; a running server must have
// flushed what the test asks about.
std::vector<TransactionEnd> read_transaction_ends(const std::filesystem::path& wal_folder,
                                                  TimelineId timeline = TimelineId(1), int major = 15);

}  // namespace tidemark::test
