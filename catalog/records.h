#pragma once
// The common shape of the catalog's objects (docs/repository-format.md "Records"): four letters that name the
// kind, a layout version, then records of varint tag, flags, varint length, body, and an end record. Unknown
// optional records are skipped, unknown critical ones and newer layouts refused. Inside a body, fields may be
// added behind those that a reader knows.

#include <cstdint>
#include <optional>
#include <string_view>

#include "tidemark/bytes.h"

namespace tidemark::catalog {

struct RecordLayout {
  std::string_view letters;  // four
  std::string_view what;     // for messages: "manifest"
  std::uint64_t version = 1;
};

inline constexpr std::uint64_t kEndRecord = 0;
inline constexpr Byte kCriticalFlag = 0x01;

enum class Presence : Byte { optional = 0, critical = kCriticalFlag };

// Appends to `to`, which must outlive it. One thread.
class RecordWriter {
 public:
  RecordWriter(Bytes& to, const RecordLayout& layout);
  void add(std::uint64_t tag, Presence presence, ByteView body);
  void end();  // the end record; nothing may follow

 private:
  Bytes& to_;
};

struct Record {
  std::uint64_t tag = 0;
  bool critical = false;
  ByteView body;
};

// Reads what RecordWriter wrote; `bytes` must outlive it and the bodies. Errors: corrupt.
class RecordReader {
 public:
  RecordReader(ByteView bytes, const RecordLayout& layout);
  std::optional<Record> next();             // nullopt behind the end record
  void pass_unknown(const Record& record);  // refuses a critical one

 private:
  std::string_view what_;
  ByteReader reader_;
  bool ended_ = false;
};

}  // namespace tidemark::catalog
