#include "archive/ingest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tidemark/error.h"

namespace tidemark::archive {
namespace {

Error divergent(Lsn at, std::string_view holder) {
  return Error(ErrorKind::mismatch,
               fmt::format("the server's WAL differs from what {} holds, at {}", holder, at.to_string()))
      .code("divergent_wal")
      .hint(
          "two servers wrote one timeline: find out which is the right one, and restore or promote it to a "
          "timeline of its own");
}

void compare(ByteView came, ByteView known, Lsn at, std::string_view holder) {
  const auto difference = std::mismatch(came.begin(), came.end(), known.begin()).first;
  if (difference != came.end()) {
    throw divergent(at + static_cast<std::uint64_t>(difference - came.begin()), holder);
  }
}

}  // namespace

Ingest::Ingest(WalWindow& window, IngestSetup setup)
    : window_(window),
      setup_(std::move(setup)),
      decoder_(setup_.decoder, setup_.carried_start.valid() ? setup_.carried_start : window.options().start),
      builder_(window.options().timeline, window.options().start),
      received_(window.options().start) {
  if (setup_.carried_start.valid()) {
    decode(setup_.carried);
    Bytes().swap(setup_.carried);
  }
}

std::size_t Ingest::take(Lsn at, ByteView bytes, SteadyTime arrival) {
  if (at < received_) return compare_with_held(at, bytes);
  if (at > received_) {
    throw Error(ErrorKind::unavailable,
                fmt::format("the server sent WAL at {}, expected {}", at.to_string(), received_.to_string()))
        .code("stream_gap");
  }
  const std::span<Byte> space = window_.space();
  const std::size_t count = until_part_end(std::min(space.size(), bytes.size()));
  if (count == 0) return 0;
  bytes = bytes.first(count);
  compare_with_archived(at, bytes);
  std::copy(bytes.begin(), bytes.end(), space.begin());
  const ByteView copied = space.first(count);
  decode(copied);
  received_ += count;
  window_.publish(count, builder_.cut(received_, decoder_.in_record() ? decoder_.position() : Lsn()),
                  arrival);
  if (!setup_.part_ends.empty() && setup_.part_ends.front() == received_) {
    window_.end_part();
    setup_.part_ends.erase(setup_.part_ends.begin());
  }
  return count;
}

// A new connection begins at the start of the segment being received, which the window always holds.
std::size_t Ingest::compare_with_held(Lsn at, ByteView bytes) {
  const std::size_t count = std::min<std::uint64_t>(bytes.size(), received_ - at);
  const Lsn segment_end =
      wal::segment_of_start(at, window_.options().segment_size).end(window_.options().segment_size);
  const std::size_t within = std::min<std::uint64_t>(count, segment_end - at);
  compare(bytes.first(within), window_.held(at, at + within), at, "was received before");
  compared_bytes_ += within;
  return within;
}

void Ingest::compare_with_archived(Lsn at, ByteView bytes) {
  if (at >= setup_.compare_below) return;
  const auto segment = wal::segment_of_start(at, window_.options().segment_size);
  if (archived_of_ != segment) {
    archived_ = setup_.read_archived(segment);
    archived_of_ = segment;
  }
  for (const ArchivedPrefix& prefix : archived_) {
    if (at >= prefix.end || at < prefix.start) continue;
    const std::size_t count = std::min<std::uint64_t>(bytes.size(), prefix.end - at);
    compare(bytes.first(count), ByteView(prefix.bytes).subspan(at - prefix.start, count), at,
            "repository " + prefix.repository);
    compared_bytes_ += count;
  }
}

void Ingest::decode(ByteView bytes) {
  decoder_.feed(bytes);
  wal::RecordView record;
  for (;;) {
    switch (decoder_.next(record)) {
      case wal::StreamDecoder::Next::record:
        builder_.add(record, *decoder_.version());
        break;
      case wal::StreamDecoder::Next::need_more:
        return;
      case wal::StreamDecoder::Next::end_of_wal:
        decoder_.throw_end_of_wal();
    }
  }
}

std::size_t Ingest::until_part_end(std::size_t bytes) const {
  if (setup_.part_ends.empty()) return bytes;
  return std::min<std::uint64_t>(bytes, setup_.part_ends.front() - received_);
}

}  // namespace tidemark::archive
