#pragma once
// Repositories in memory and on disk, with made-up WAL whose index is known.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "disk/durable_ops.h"
#include "harness/temporary_folder.h"
#include "harness/wal_writer.h"
#include "repository/catalog_reader.h"
#include "repository/wal_archive.h"
#include "store/memory_store.h"
#include "store/posix_store.h"
#include "tidemark/error.h"
#include "wal/index_builder.h"
#include "wal/stream_decoder.h"

namespace tidemark::repository {

inline const catalog::Incarnation kIncarnation{"main", 15, SystemId(7123456789012345678ULL)};
inline const TimelineId kTimeline{1};
inline const wal::SegmentSize kSmallSegments = *wal::SegmentSize::from_bytes(1U << 20);

inline RepositoryOptions options_of(bool encrypted) {
  RepositoryOptions options;
  options.name = "local";
  if (encrypted) {
    const ByteView key = as_bytes("the content of a key file");
    options.key_file = Bytes(key.begin(), key.end());
  }
  return options;
}

template <typename Work>
std::string code_of(Work work) {
  try {
    work();
    return "nothing thrown";
  } catch (const Error& error) {
    return std::string(error.code());
  }
}

template <typename Work>
std::string message_of(Work work) {
  try {
    work();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// WAL of a made-up server from `start` on, and the index of any stretch of it.
class SyntheticWal {
 public:
  SyntheticWal(Lsn start, std::size_t bytes, std::uint32_t seed = 1, wal::SegmentSize size = kSmallSegments)
      : writer_({.segment_size = size, .timeline = kTimeline, .start = start}), size_(size) {
    // The writer ends within a page; the rest up to the wanted end is what a server has not written yet.
    test::write_load(writer_, bytes, seed);
    bytes_ = writer_.bytes();
    bytes_.resize(bytes);
    decode();
  }

  Lsn start() const { return writer_.start(); }
  Lsn end() const { return start() + bytes_.size(); }
  ByteView bytes(Lsn from, Lsn to) const { return ByteView(bytes_).subspan(from - start(), to - from); }
  wal::SegmentNo first_segment() const { return wal::segment_of_start(start(), size_); }
  std::size_t segment_count() const { return bytes_.size() / size_.bytes(); }

  wal::WalIndex index(Lsn from, Lsn to) const {
    wal::IndexBuilder builder(kTimeline, start());
    for (const Kept& kept : records_) {
      if (kept.view.end <= to) builder.add(kept.view, *version_);
    }
    if (from > start()) builder.cut(from, open_at(from));
    return builder.cut(to, open_at(to));
  }

  StoreOutcome store_segment(WalArchive& archive, wal::SegmentNo segment) const {
    const Lsn from = segment.start(size_), to = segment.end(size_);
    return archive.store_segment(kTimeline, segment, bytes(from, to), index(from, to));
  }
  StoreOutcome store_piece(WalArchive& archive, Lsn from, Lsn to) const {
    return archive.store_piece(kTimeline, from, bytes(from, to), index(from, to));
  }

 private:
  struct Kept {
    wal::RecordView view;
    Bytes bytes;
  };

  void decode() {
    wal::StreamDecoder decoder(writer_.decoder_options(), start());
    decoder.feed(bytes_);
    wal::RecordView record;
    while (decoder.next(record) == wal::StreamDecoder::Next::record) {
      records_.push_back({record, Bytes(record.bytes.begin(), record.bytes.end())});
    }
    for (Kept& kept : records_) kept.view.bytes = kept.bytes;
    version_ = decoder.version();
  }
  Lsn open_at(Lsn lsn) const {
    for (const Kept& kept : records_) {
      if (kept.view.start < lsn && lsn < kept.view.end) return kept.view.start;
    }
    return Lsn();
  }

  test::WalWriter writer_;
  wal::SegmentSize size_;
  Bytes bytes_;
  std::vector<Kept> records_;
  const wal::VersionTraits* version_ = nullptr;
};

struct Variant {
  bool posix = false;
  bool encrypted = false;
};
inline std::string variant_name(const ::testing::TestParamInfo<Variant>& info) {
  return std::string(info.param.posix ? "Posix" : "Memory") + (info.param.encrypted ? "Encrypted" : "Plain");
}
inline const auto kVariants =
    ::testing::Values(Variant{false, false}, Variant{false, true}, Variant{true, false}, Variant{true, true});

// A repository of its own for each test.
class RepositoryTest : public ::testing::TestWithParam<Variant> {
 protected:
  RepositoryTest() {
    if (GetParam().posix) {
      store = store::open_posix_store(folder.path() / "repository", disk::real_ops());
    } else {
      store = std::make_shared<store::MemoryStore>();
    }
    repository = Repository::create(store, options_of(GetParam().encrypted));
  }
  WalArchive archive_of(wal::SegmentSize size = kSmallSegments) { return {repository, kIncarnation, size}; }

  harness::TemporaryFolder folder;
  std::shared_ptr<ObjectStore> store;
  std::shared_ptr<Repository> repository;
};

// The same in memory, where tests can damage what is stored.
struct MemoryRepository {
  explicit MemoryRepository(bool encrypted = false)
      : repository(Repository::create(store, options_of(encrypted))) {}
  WalArchive archive(wal::SegmentSize size = kSmallSegments) const {
    return {repository, kIncarnation, size};
  }
  std::vector<std::string> names(const std::string& prefix = "") const {
    std::vector<std::string> found;
    store->list(prefix, "", [&](const ObjectInfo& object) {
      found.push_back(object.name);
      return true;
    });
    return found;
  }

  std::shared_ptr<store::MemoryStore> store = std::make_shared<store::MemoryStore>();
  std::shared_ptr<Repository> repository;
};

}  // namespace tidemark::repository
