#pragma once
// One WAL record: postgres-notes 1.3, 2.1; access/xlogrecord.h, access/xact.h. Views into bytes that the decoder owns.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/bytes.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "wal/versions.h"

namespace tidemark::wal {

struct RecordView {
  Lsn start;                 // of its first byte
  Lsn end;                   // behind its last byte, aligned to 8, as pg_waldump's next record begins (page headers included)
  Lsn previous;              // xl_prev
  std::uint32_t xid = 0;
  std::uint8_t info = 0;     // xl_info
  std::uint8_t rmid = 0;
  ByteView bytes;            // the whole record, header included, contiguous; valid until the decoder's next call
};

struct BlockReference {
  std::uint8_t id = 0;
  std::uint8_t fork = 0;     // 0 main, 1 fsm, 2 vm, 3 init
  bool has_image = false;
  bool image_applies = false;
  std::uint32_t tablespace = 0, database = 0, relation = 0;  // relation: the filenode
  std::uint32_t block = 0;
};

// The record taken apart. Throws Error corrupt when its announced parts do not add up.
struct RecordParts {
  std::vector<BlockReference> blocks;
  std::optional<std::uint16_t> origin;
  std::optional<std::uint32_t> top_level_xid;
  ByteView main_data;
};
RecordParts parse_record_parts(const RecordView& record, const VersionTraits& version);

enum class EndKind : std::uint8_t { commit = 0, abort = 1, commit_prepared = 2, abort_prepared = 3 };

// COMMIT, ABORT and their prepared forms; nullopt for every other record.
struct TransactionEndRecord {
  EndKind kind;
  Instant time;
  std::uint32_t xid = 0;              // the transaction's own, also for the prepared forms
  std::uint32_t subtransactions = 0;
  std::string gid;                    // prepared forms
};
std::optional<TransactionEndRecord> parse_transaction_end(const RecordView& record, const VersionTraits& version);

}  // namespace tidemark::wal
