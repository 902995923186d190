#pragma once
// Port: a place that holds objects. An object is written once, under one name, and never changed; the one
// exception is a growing object, which stores with the feature `append` offer.
//
// Names are relative paths of [A-Za-z0-9._=-] parts joined with '/', never starting with '/' and without "."
// or ".." parts (object_name_valid). All members may be called from any thread. Errors: unavailable (try
// again), io, not_found where said, and corrupt where the store itself reports it. Implementations:
// store/posix_store, store/memory_store, store/retrying_store (a wrapper);
// tests/contract/object_store_suite.h is what each must pass.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tidemark/bytes.h"

namespace tidemark {

bool object_name_valid(std::string_view name);

struct StoreFeatures {
  bool conditional_put = false;  // the server itself refuses a second put of a name
  bool append = false;           // growing objects; one small append costs one fdatasync
  bool versions = false;         // earlier versions survive; readers take the first
  bool list_after = false;       // listing may start after a key without reading what precedes it
};

enum class PutOutcome { stored, already_exists };

struct ObjectInfo {
  std::string name;
  std::uint64_t size_bytes = 0;
};

// An open object for reading at any place. Any thread.
class ObjectSource {
 public:
  virtual ~ObjectSource() = default;
  virtual std::uint64_t size() const = 0;
  // Fills all of `to` from `offset`; bytes beyond the end are an Error corrupt ("object is shorter than
  // expected").
  virtual void read_at(std::uint64_t offset, std::span<Byte> to) const = 0;
};

// A growing object. One thread. Not durable before sync() returns; the destructor closes it and syncs
// nothing.
class GrowingObject {
 public:
  virtual ~GrowingObject() = default;
  virtual void append(ByteView bytes) = 0;
  virtual void sync() = 0;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual StoreFeatures features() const = 0;
  // For messages, without secrets: "posix:/srv/tidemark".
  virtual std::string describe() const = 0;
  // Identifies the device or host the objects lie on, to warn when two places share one; empty = unknown.
  virtual std::string device() const = 0;

  // The concatenation of `pieces` becomes the object, whole or not at all, durable on return. An existing
  // object is left as it is: already_exists, whatever its content (the caller compares).
  virtual PutOutcome put(std::string_view name, std::span<const ByteView> pieces) = 0;
  PutOutcome put(std::string_view name, ByteView content) { return put(name, std::span(&content, 1)); }

  // nullptr when there is no such object.
  virtual std::unique_ptr<ObjectSource> open(std::string_view name) const = 0;
  virtual std::optional<ObjectInfo> info(std::string_view name) const = 0;
  // Whole content; nullopt when there is no such object. `limit_bytes` guards against a lying size (Error
  // corrupt).
  std::optional<Bytes> get(std::string_view name, std::uint64_t limit_bytes = 1ULL << 30) const;

  // Names under the folder `prefix` (which ends with '/' or is empty), all levels below, ascending bytewise,
  // beginning after `after` (a full name; empty = from the first); stops when `take` returns false. Temporary
  // files are not shown.
  virtual void list(std::string_view prefix, std::string_view after,
                    const std::function<bool(const ObjectInfo&)>& take) const = 0;
  // The names of the folders and objects directly under `prefix`, ascending, folders with a trailing '/'.
  virtual void list_level(std::string_view prefix,
                          const std::function<bool(std::string_view)>& take) const = 0;

  // Gone durably on return; an absent object is no error. Only `expire` and the archiver's superseding of
  // pieces call it.
  virtual void remove(std::string_view name) = 0;

  // Feature `append` only. Creates the object (already exists: Error mismatch), with `reserve_bytes`
  // preallocated where the file system can: readers of a growing object must take the valid prefix and expect
  // zeros behind it.
  virtual std::unique_ptr<GrowingObject> create_growing(std::string_view name,
                                                        std::uint64_t reserve_bytes) = 0;
};

}  // namespace tidemark
