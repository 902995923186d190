#pragma once
// One WAL record: postgres-notes 1.3, 2.1; access/xlogrecord.h, access/xact.h. Views into bytes that the
// decoder owns.

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

inline constexpr std::uint32_t kRecordHeaderBytes = 24;
inline constexpr std::uint32_t kMaximumRecordBytes = 1020U << 20;  // XLogRecordMaxSize, enforced from 16 on

// Resource managers (xl_rmid) that the rooms know by name; the numbers are the same in 13-18.
inline constexpr std::uint8_t kXlogRecords = 0;
inline constexpr std::uint8_t kTransactionRecords = 1;
inline constexpr std::uint8_t kStorageRecords = 2;
inline constexpr std::uint8_t kDatabaseRecords = 4;
inline constexpr std::uint8_t kStandbyRecords = 8;

// Operations: xl_info & kOperationMask. Those of kXlogRecords have no prefix; catalog/pg_control.h.
inline constexpr std::uint8_t kOperationMask = 0xF0;
inline constexpr std::uint8_t kCheckpointShutdown = 0x00;
inline constexpr std::uint8_t kCheckpointOnline = 0x10;
inline constexpr std::uint8_t kSegmentSwitch = 0x40;
inline constexpr std::uint8_t kBackupEnd = 0x50;
inline constexpr std::uint8_t kParameterChange = 0x60;
inline constexpr std::uint8_t kRestorePoint = 0x70;
inline constexpr std::uint8_t kEndOfRecovery = 0x90;
inline constexpr std::uint8_t kOverwriteContinuation = 0xD0;
inline constexpr std::uint8_t kCheckpointRedo = 0xE0;
inline constexpr std::uint8_t kRunningTransactions = 0x10;  // of kStandbyRecords
inline constexpr std::uint8_t kTransactionOperationMask =
    0x70;  // of kTransactionRecords; 0x80 is "xinfo present"
inline constexpr std::uint8_t kTransactionPrepare = 0x10;

struct RecordView {
  Lsn start;  // of its first byte
  Lsn end;  // behind its last byte, aligned to 8, as pg_waldump's next record begins (page headers included)
  Lsn previous;  // xl_prev
  std::uint32_t xid = 0;
  std::uint8_t info = 0;  // xl_info
  std::uint8_t rmid = 0;
  ByteView bytes;  // the whole record, header included, contiguous; valid until the decoder's next call

  std::uint8_t operation() const { return info & kOperationMask; }
  bool is_xlog(std::uint8_t wanted) const { return rmid == kXlogRecords && operation() == wanted; }
};

// CRC-32C as xl_crc has it, of a whole record (at least 24 bytes).
std::uint32_t record_crc(ByteView record);

struct BlockReference {
  std::uint8_t id = 0;
  std::uint8_t fork = 0;  // 0 main, 1 fsm, 2 vm, 3 init
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
// Only the last part, without allocating. Throws as above.
ByteView parse_main_data(const RecordView& record, const VersionTraits& version);

enum class EndKind : std::uint8_t { commit = 0, abort = 1, commit_prepared = 2, abort_prepared = 3 };

// COMMIT, ABORT and their prepared forms; nullopt for every other record.
struct TransactionEndRecord {
  EndKind kind;
  Instant time;
  std::uint32_t xid = 0;  // the transaction's own, also for the prepared forms
  std::uint32_t subtransactions = 0;
  std::string gid;  // prepared forms, and only where wal_level is logical
};
std::optional<TransactionEndRecord> parse_transaction_end(const RecordView& record,
                                                          const VersionTraits& version);

// PREPARE TRANSACTION; nullopt for every other record.
struct PrepareRecord {
  Instant time;
  std::uint32_t xid = 0;
  std::string gid;
};
std::optional<PrepareRecord> parse_prepare(const RecordView& record, const VersionTraits& version);

}  // namespace tidemark::wal
