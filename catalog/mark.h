#pragma once
// Marks: small objects that record an event. Their content is JSON, so that a human with the key can read it.

#include <optional>
#include <string>
#include <string_view>

#include "tidemark/bytes.h"
#include "tidemark/identity.h"
#include "tidemark/instant.h"
#include "tidemark/lsn.h"
#include "tidemark/timeline.h"

namespace tidemark::catalog {

// Kinds as they stand in object names.
inline constexpr std::string_view kMarkIdleProof = "idle";
inline constexpr std::string_view kMarkReceipt = "receipt";
inline constexpr std::string_view kMarkPin = "pin";
inline constexpr std::string_view kMarkUnpin = "unpin";
inline constexpr std::string_view kMarkGapAcknowledged = "gap";
inline constexpr std::string_view kMarkVerify = "verify";
inline constexpr std::string_view kMarkTombstone = "tombstone";

// Nothing acknowledged by `time` lies at or beyond `lsn`; `lsn` and all below was durable when it was
// written.
struct IdleProof {
  Instant time;
  Lsn lsn;
  TimelineId timeline;
  bool operator==(const IdleProof&) const = default;
  Bytes serialize() const;
  static IdleProof parse(ByteView json);
};

// A restore pins what it reads while it reads it, `until` bounds a pin that nobody took away.
struct Pin {
  BackupId backup;
  Instant until;
  std::string reason;
  bool operator==(const Pin&) const = default;
  Bytes serialize() const;
  static Pin parse(ByteView json);
};

// kMarkUnpin: pins of `backup` stored before this one no longer count.
struct Unpin {
  BackupId backup;
  bool operator==(const Unpin&) const = default;
  Bytes serialize() const;
  static Unpin parse(ByteView json);
};

// kMarkGapAcknowledged: somebody knows that [from, to) of `timeline` is missing and does not want to hear of
// it again.
struct AcknowledgedGap {
  TimelineId timeline;
  Lsn from, to;
  bool operator==(const AcknowledgedGap&) const = default;
  Bytes serialize() const;
  static AcknowledgedGap parse(ByteView json);
};

// kMarkVerify: every byte that `backup` reaches was read and was right (or `bad_frames` were not).
struct VerifyRun {
  BackupId backup;
  Instant time;
  std::uint64_t bytes = 0, bad_frames = 0;
  bool operator==(const VerifyRun&) const = default;
  Bytes serialize() const;
  static VerifyRun parse(ByteView json);
};

// kMarkTombstone: `backup` will be deleted once the grace after `time` is over.
struct Tombstone {
  BackupId backup;
  Instant time;
  bool operator==(const Tombstone&) const = default;
  Bytes serialize() const;
  static Tombstone parse(ByteView json);
};

struct MarkName {
  Instant time;
  std::string kind;
  std::uint32_t random = 0;
};
std::optional<MarkName> parse_mark_name(std::string_view last_part);  // of an object's name

}  // namespace tidemark::catalog
