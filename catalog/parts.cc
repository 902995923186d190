#include "catalog/parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/fields.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

constexpr RecordLayout kPart{"TMpt", "part", 1};
constexpr std::uint64_t kTotals = 1;
constexpr std::uint64_t kEntry = 2;

// Flags of an entry; its kind is in the lowest two bits.
constexpr Byte kKindMask = 0x03;
constexpr Byte kSameMode = 0x04;
constexpr Byte kSameOwner = 0x08;
constexpr Byte kContinued = 0x10;
constexpr Byte kEntryFlags = 0x1F;

// Flags of an extent and of a patch's location.
constexpr Byte kZero = 0x01;
constexpr Byte kSamePack = 0x02;
constexpr Byte kNextFrame = 0x04;
constexpr Byte kSizeImplied = 0x08;
constexpr Byte kPatched = 0x10;
constexpr Byte kExtentFlags = 0x1F;

constexpr std::uint64_t kMaximumExtents = 1ULL << 43;  // 8 EiB in one file
constexpr std::size_t kBlocksPerExtent = 256;          // with the smallest block size, 4 KiB

// The length that the extent has unless something cut the file while it was read.
std::uint32_t implied_bytes(std::uint64_t file_bytes, std::uint64_t extent) {
  const std::uint64_t begin = extent * kExtentBytes;
  return begin >= file_bytes
             ? 0
             : static_cast<std::uint32_t>(std::min<std::uint64_t>(kExtentBytes, file_bytes - begin));
}

Byte location_flags(const FrameLocation& location, const FrameLocation& previous) {
  Byte flags = 0;
  if (location.owner == previous.owner && location.pack == previous.pack) flags |= kSamePack;
  if (location.frame == previous.frame + 1 && location.offset == previous.offset + previous.stored_bytes) {
    flags |= kNextFrame;
  }
  return flags;
}

void write_location(ByteWriter& writer, Byte flags, const FrameLocation& location, FrameLocation& previous) {
  if ((flags & kSamePack) == 0) {
    writer.varint(location.owner);
    writer.varint(location.pack);
  }
  if ((flags & kNextFrame) == 0) {
    writer.varint(location.frame);
    writer.varint(location.offset);
  }
  writer.varint(location.stored_bytes);
  previous = location;
}

FrameLocation read_location(ByteReader& reader, Byte flags, FrameLocation& previous) {
  FrameLocation location = previous;
  if ((flags & kSamePack) == 0) {
    location.owner = read_number<std::uint32_t>(reader);
    location.pack = read_number<std::uint32_t>(reader);
  }
  if ((flags & kNextFrame) == 0) {
    location.frame = read_number<std::uint32_t>(reader);
    location.offset = reader.varint();
  } else {
    location.frame = previous.frame + 1;
    location.offset = previous.offset + previous.stored_bytes;
  }
  location.stored_bytes = read_number<std::uint32_t>(reader);
  previous = location;
  return location;
}

void write_patches(ByteWriter& writer, const std::vector<PagePatch>& patches, PartContext& previous) {
  writer.varint(patches.size());
  for (const PagePatch& patch : patches) {
    const Byte flags = location_flags(patch.frame, previous.patch);
    writer.fixed(flags);
    write_location(writer, flags, patch.frame, previous.patch);
    writer.sized(patch.blocks);
  }
}

std::vector<PagePatch> read_patches(ByteReader& reader, PartContext& previous) {
  std::vector<PagePatch> patches(reader.count(3));
  for (PagePatch& patch : patches) {
    const auto flags = reader.fixed<Byte>();
    if ((flags & ~(kSamePack | kNextFrame)) != 0) throw_out_of_range(flags);
    patch.frame = read_location(reader, flags, previous.patch);
    const ByteView blocks = reader.sized();
    if (blocks.empty() || blocks.size() > kBlocksPerExtent) throw_out_of_range(blocks.size());
    if (std::adjacent_find(blocks.begin(), blocks.end(), std::greater_equal<>()) != blocks.end()) {
      throw Error(ErrorKind::corrupt, "the blocks of a page patch are not in order");
    }
    patch.blocks.assign(blocks.begin(), blocks.end());
  }
  return patches;
}

void write_extent(ByteWriter& writer, const Extent& extent, std::uint32_t implied, PartContext& previous) {
  Byte flags = extent.zero ? kZero : location_flags(extent.base, previous.base);
  if (extent.plain_bytes == implied) flags |= kSizeImplied;
  if (!extent.patches.empty()) flags |= kPatched;
  writer.fixed(flags);
  if ((flags & kSizeImplied) == 0) writer.varint(extent.plain_bytes);
  if (!extent.zero) {
    write_hash(writer, extent.hash);
    write_location(writer, flags, extent.base, previous.base);
  }
  if (!extent.patches.empty()) write_patches(writer, extent.patches, previous);
}

Extent read_extent(ByteReader& reader, std::uint32_t implied, PartContext& previous) {
  const auto flags = reader.fixed<Byte>();
  if ((flags & ~kExtentFlags) != 0) throw_out_of_range(flags);
  Extent extent;
  extent.plain_bytes = (flags & kSizeImplied) != 0 ? implied : read_number<std::uint32_t>(reader);
  if (extent.plain_bytes == 0 || extent.plain_bytes > kExtentBytes) throw_out_of_range(extent.plain_bytes);
  extent.zero = (flags & kZero) != 0;
  if (!extent.zero) {
    extent.hash = read_hash(reader);
    extent.base = read_location(reader, flags, previous.base);
  }
  if ((flags & kPatched) != 0) extent.patches = read_patches(reader, previous);
  return extent;
}

// Where a restore writes is decided by these paths: nothing may lead outside the data directory.
bool path_safe(std::string_view path) {
  if (path.empty()) return true;  // the data directory itself
  if (path.find('\0') != path.npos) return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

std::size_t shared_prefix(std::string_view a, std::string_view b) {
  const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::size_t>(at - a.begin());
}

std::string read_path(ByteReader& body, const std::string& previous, bool first) {
  const auto shared = body.varint();
  if (shared > previous.size()) throw_out_of_range(shared);
  std::string path = previous.substr(0, shared);
  path += as_text(body.sized());
  if (!path_safe(path)) {
    throw Error(ErrorKind::corrupt, fmt::format("a part holds the path '{}', which leads astray", path));
  }
  if (!first && path <= previous) {
    throw Error(ErrorKind::corrupt, fmt::format("a part holds '{}' behind '{}'", path, previous));
  }
  return path;
}

void write_entry_head(ByteWriter& writer, const FileEntry& entry, const PartContext& previous) {
  auto flags = static_cast<Byte>(entry.kind);
  if (entry.mode == previous.mode) flags |= kSameMode;
  if (entry.owner == previous.owner && entry.group == previous.group) flags |= kSameOwner;
  if (entry.first_extent != 0) flags |= kContinued;
  writer.fixed(flags);
  const std::size_t shared = shared_prefix(previous.path, entry.path);
  writer.varint(shared);
  writer.text(std::string_view(entry.path).substr(shared));
  writer.varint(entry.size_bytes);
  if ((flags & kSameMode) == 0) writer.varint(entry.mode);
  if ((flags & kSameOwner) == 0) {
    writer.text(entry.owner);
    writer.text(entry.group);
  }
  // Unsigned, so that any two moments have a difference.
  writer.signed_varint(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(entry.modified.postgres_microseconds()) -
                                static_cast<std::uint64_t>(previous.modified.postgres_microseconds())));
  if ((flags & kContinued) != 0) writer.varint(entry.first_extent);
  if (entry.kind == EntryKind::symlink) writer.text(entry.link_target);
}

void remember(PartContext& previous, const FileEntry& entry) {
  previous.path = entry.path;
  previous.mode = entry.mode;
  previous.owner = entry.owner;
  previous.group = entry.group;
  previous.modified = entry.modified;
}

FileEntry read_entry_head(ByteReader& body, const PartContext& previous, bool first) {
  const auto flags = body.fixed<Byte>();
  if ((flags & ~kEntryFlags) != 0 || (flags & kKindMask) > static_cast<Byte>(EntryKind::symlink)) {
    throw_out_of_range(flags);
  }
  FileEntry entry;
  entry.kind = static_cast<EntryKind>(flags & kKindMask);
  entry.path = read_path(body, previous.path, first);
  entry.size_bytes = body.varint();
  entry.mode = (flags & kSameMode) != 0 ? previous.mode : read_number<std::uint32_t>(body);
  const bool same_owner = (flags & kSameOwner) != 0;
  entry.owner = same_owner ? previous.owner : body.text();
  entry.group = same_owner ? previous.group : body.text();
  const auto modified = static_cast<std::uint64_t>(previous.modified.postgres_microseconds()) +
                        static_cast<std::uint64_t>(body.signed_varint());
  entry.modified = Instant::from_postgres(static_cast<std::int64_t>(modified));
  if ((flags & kContinued) != 0) entry.first_extent = read_number<std::uint32_t>(body);
  if (entry.kind == EntryKind::symlink) entry.link_target = body.text();
  return entry;
}

}  // namespace

PartBuilder::PartBuilder() = default;

void PartBuilder::add(const FileEntry& entry) {
  if (!path_safe(entry.path) || (entry_count_ > 0 && entry.path <= previous_.path)) {
    throw Error(ErrorKind::internal,
                fmt::format("'{}' cannot follow '{}' in a part", entry.path, previous_.path));
  }
  body_.clear();
  ByteWriter writer(body_);
  write_entry_head(writer, entry, previous_);
  if (entry.kind == EntryKind::file) {
    writer.varint(entry.extents.size());
    std::uint64_t number = entry.first_extent;
    for (const Extent& extent : entry.extents) {
      write_extent(writer, extent, implied_bytes(entry.size_bytes, number++), previous_);
    }
    extent_count_ += static_cast<std::uint32_t>(entry.extents.size());
  }
  ByteWriter record(buffer_);
  record.varint(kEntry);
  record.fixed(static_cast<Byte>(Presence::critical));
  record.sized(body_);
  if (entry_count_++ == 0) first_path_ = entry.path;
  remember(previous_, entry);
}

bool PartBuilder::full() const { return extent_count_ >= kExtentsPerPart || entry_count_ >= kExtentsPerPart; }

std::uint32_t PartBuilder::room() const {
  return extent_count_ >= kExtentsPerPart ? 0 : kExtentsPerPart - extent_count_;
}

std::uint32_t PartBuilder::extent_count() const { return extent_count_; }

bool PartBuilder::empty() const { return entry_count_ == 0; }

const std::string& PartBuilder::first_path() const { return first_path_; }

Bytes PartBuilder::finish() {
  Bytes bytes;
  bytes.reserve(buffer_.size() + 32);
  RecordWriter records(bytes, kPart);
  Bytes totals;
  ByteWriter writer(totals);
  writer.varint(entry_count_);
  writer.varint(extent_count_);
  records.add(kTotals, Presence::critical, totals);
  bytes.insert(bytes.end(), buffer_.begin(), buffer_.end());
  records.end();
  *this = PartBuilder();
  return bytes;
}

PartReader::PartReader(ByteView bytes) : records_(bytes, kPart) {
  const auto totals = records_.next();
  if (!totals || totals->tag != kTotals)
    throw Error(ErrorKind::corrupt, "a part does not begin with its totals");
  ByteReader body(totals->body, kPart.what);
  entries_left_ = body.varint();
  extents_left_ = body.varint();
}

std::optional<FileEntry> PartReader::next() {
  while (const auto record = records_.next()) {
    if (record->tag != kEntry) {
      records_.pass_unknown(*record);
      continue;
    }
    if (entries_left_-- == 0) throw Error(ErrorKind::corrupt, "a part holds more entries than it announces");
    ByteReader body(record->body, kPart.what);
    return read_entry(body);
  }
  if (entries_left_ != 0 || extents_left_ != 0) {
    throw Error(ErrorKind::corrupt, "a part holds fewer entries or extents than it announces");
  }
  return std::nullopt;
}

FileEntry PartReader::read_entry(ByteReader& body) {
  FileEntry entry = read_entry_head(body, previous_, first_);
  if (entry.kind == EntryKind::file) {
    const std::size_t count = body.count(1);
    if (count > extents_left_ || entry.first_extent + count > kMaximumExtents) throw_out_of_range(count);
    extents_left_ -= count;
    entry.extents.reserve(count);
    std::uint64_t number = entry.first_extent;
    for (std::size_t i = 0; i < count; ++i) {
      entry.extents.push_back(read_extent(body, implied_bytes(entry.size_bytes, number++), previous_));
    }
  }
  first_ = false;
  remember(previous_, entry);
  return entry;
}

}  // namespace tidemark::catalog
