#include "repository/wal_object.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "catalog/fields.h"
#include "catalog/records.h"
#include "repository/frame_context.h"

namespace tidemark::repository {
namespace {

constexpr catalog::RecordLayout kFooterLayout{"WALF", "WAL range footer", 1};
constexpr std::uint64_t kExtentRecord = 1, kFramesRecord = 2;
constexpr std::uint64_t kFrameBytes = codec::kFramePlainLimit;
// Frames that follow each other are fetched with one read up to this size: a request each would be slow on
// remote stores.
constexpr std::uint64_t kReadBytes = 4U << 20;

void write_sizes(ByteWriter& writer, const std::vector<std::uint32_t>& sizes) {
  writer.varint(sizes.size());
  for (const std::uint32_t size : sizes) writer.varint(size);
}

std::vector<std::uint32_t> read_sizes(ByteReader& reader) {
  std::vector<std::uint32_t> sizes(reader.count(1));
  for (std::uint32_t& size : sizes) size = catalog::read_number<std::uint32_t>(reader);
  return sizes;
}

std::uint64_t sum(const std::vector<std::uint32_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
}

// WAL hashes are taken frame by frame by the codec and once over all here: both run at memory speed.
void add_frames(codec::ObjectWriter& writer, ByteView plain, std::vector<std::uint32_t>& sizes) {
  while (!plain.empty()) {
    const std::size_t step = std::min<std::size_t>(plain.size(), kFrameBytes);
    sizes.push_back(writer.add_frame(plain.first(step)).stored_bytes);
    plain = plain.subspan(step);
  }
}

template <typename Parse>
auto named(const std::string& name, Parse parse) {
  try {
    return parse();
  } catch (Error& error) {
    error.add_context(fmt::format("reading {}", name));
    throw;
  }
}

}  // namespace

Bytes WalFooter::serialize() const {
  Bytes bytes, body;
  catalog::RecordWriter records(bytes, kFooterLayout);
  ByteWriter extent(body);
  catalog::write_timeline(extent, timeline);
  catalog::write_lsn(extent, start);
  catalog::write_lsn(extent, end);
  catalog::write_hash(extent, hash);
  records.add(kExtentRecord, catalog::Presence::critical, body);
  body.clear();
  ByteWriter frames(body);
  write_sizes(frames, wal_frames);
  write_sizes(frames, index_frames);
  records.add(kFramesRecord, catalog::Presence::critical, body);
  records.end();
  return bytes;
}

WalFooter WalFooter::parse(ByteView bytes) {
  WalFooter footer;
  catalog::RecordReader records(bytes, kFooterLayout);
  bool extent_seen = false, frames_seen = false;
  while (const auto record = records.next()) {
    ByteReader body(record->body, kFooterLayout.what);
    if (record->tag == kExtentRecord) {
      footer.timeline = catalog::read_timeline(body);
      footer.start = catalog::read_lsn(body);
      footer.end = catalog::read_lsn(body);
      footer.hash = catalog::read_hash(body);
      extent_seen = true;
    } else if (record->tag == kFramesRecord) {
      footer.wal_frames = read_sizes(body);
      footer.index_frames = read_sizes(body);
      frames_seen = true;
    } else {
      records.pass_unknown(*record);
    }
  }
  if (!extent_seen || !frames_seen || footer.end <= footer.start ||
      footer.wal_frames.size() != (footer.end - footer.start + kFrameBytes - 1) / kFrameBytes) {
    throw Error(ErrorKind::corrupt, "the WAL range's footer contradicts itself");
  }
  return footer;
}

BuiltWalObject build_wal_object(const Repository& repository, codec::ObjectKind kind, const std::string& name,
                                TimelineId timeline, Lsn start, ByteView bytes, const wal::WalIndex& index) {
  if (index.start != start || index.end != start + bytes.size()) {
    throw Error(ErrorKind::internal, fmt::format("the index of {} covers {} to {}, its bytes {} to {}", name,
                                                 index.start.to_string(), index.end.to_string(),
                                                 start.to_string(), (start + bytes.size()).to_string()));
  }
  codec::ObjectWriter writer(repository.secrets(), kind, name, repository.options().compression_level,
                             frame_context());
  writer.reserve(bytes.size() / 2 + 64 * 1024);
  WalFooter footer{timeline, start, index.end, xxh3_128(bytes, repository.hash_seed()), {}, {}};
  add_frames(writer, bytes, footer.wal_frames);
  add_frames(writer, index.serialize(), footer.index_frames);
  writer.finish(footer.serialize());
  return {writer.take(), footer.hash};
}

WalObject::WalObject(StoredObject object, WalFooter footer)
    : object_(std::move(object)),
      footer_(std::move(footer)),
      index_offset_(codec::kHeaderBytes + sum(footer_.wal_frames)) {}

std::optional<WalObject> WalObject::open(const Repository& repository, codec::ObjectKind kind,
                                         const std::string& name, TimelineId timeline, Lsn start, Lsn end) {
  auto object = StoredObject::open(repository, kind, name, frame_context());
  if (!object) return std::nullopt;
  WalFooter footer = named(name, [&] { return WalFooter::parse(object->footer()); });
  if (footer.timeline != timeline || footer.start != start || footer.end != end) {
    throw object->damaged(fmt::format("its footer says {} to {} of timeline {}", footer.start.to_string(),
                                      footer.end.to_string(), footer.timeline.value()));
  }
  const auto trailer = object->trailer();
  if (trailer.frame_count != footer.wal_frames.size() + footer.index_frames.size() + 1 ||
      trailer.last_frame_offset != codec::kHeaderBytes + sum(footer.wal_frames) + sum(footer.index_frames)) {
    throw object->damaged("its footer and its trailer disagree");
  }
  return WalObject(std::move(*object), std::move(footer));
}

wal::WalIndex WalObject::index() {
  Bytes serialized;
  std::uint64_t offset = index_offset_;
  auto number = static_cast<std::uint32_t>(footer_.wal_frames.size());
  for (const std::uint32_t size : footer_.index_frames) {
    const auto frame = object_.frame({number++, offset, size});
    serialized.insert(serialized.end(), frame.plain.begin(), frame.plain.end());
    offset += size;
  }
  wal::WalIndex index = named(object_.name(), [&] { return wal::WalIndex::parse(serialized); });
  if (index.start != footer_.start || index.end != footer_.end)
    throw object_.damaged("its index covers other WAL");
  return index;
}

void WalObject::read(Lsn from, Lsn to, Bytes& out) {
  TIDEMARK_CHECK(footer_.start <= from && from <= to && to <= footer_.end);
  if (from == to) return;
  const auto first = static_cast<std::size_t>((from - footer_.start) / kFrameBytes);
  const auto last = static_cast<std::size_t>((to - footer_.start - 1) / kFrameBytes);
  std::uint64_t offset = codec::kHeaderBytes;
  for (std::size_t i = 0; i < first; ++i) offset += footer_.wal_frames[i];
  for (std::size_t at = first; at <= last;) {
    std::size_t stop = at;
    std::uint64_t batch = 0;
    do batch += footer_.wal_frames[stop++];
    while (stop <= last && batch + footer_.wal_frames[stop] <= kReadBytes);
    ByteView stored = object_.stored(offset, batch);
    offset += batch;
    for (; at < stop; ++at) {
      const std::uint32_t size = footer_.wal_frames[at];
      const ByteView plain = object_.open_frame(stored.first(size), static_cast<std::uint32_t>(at)).plain;
      stored = stored.subspan(size);
      const Lsn begin = footer_.start + at * kFrameBytes;
      if (plain.size() != std::min<std::uint64_t>(kFrameBytes, footer_.end - begin)) {
        throw object_.damaged(fmt::format("frame {} holds {} bytes of WAL", at, plain.size()));
      }
      const std::size_t cut_front = from > begin ? from - begin : 0;
      const std::size_t cut_end = std::min<std::uint64_t>(plain.size(), to - begin);
      out.insert(out.end(), plain.begin() + static_cast<std::ptrdiff_t>(cut_front),
                 plain.begin() + static_cast<std::ptrdiff_t>(cut_end));
    }
  }
}

}  // namespace tidemark::repository
