#include "archive/spool.h"

#include <fmt/format.h>

#include <algorithm>

#include "disk/directory_walk.h"
#include "disk/file_reader.h"
#include "tidemark/checksum.h"
#include "tidemark/error.h"
#include "tidemark/log.h"

namespace tidemark::archive {
namespace {

constexpr std::string_view kMagic = "TMSPOOL1";
constexpr std::string_view kSuffix = ".spool";
constexpr std::size_t kHeaderFieldBytes = 8 + 8 + 4 + 4 + 8;

}  // namespace

Bytes render_spool_header(const SpoolHeader& header) {
  Bytes bytes;
  bytes.reserve(kSpoolHeaderBytes);
  ByteWriter writer(bytes);
  writer.bytes(as_bytes(kMagic));
  writer.fixed(header.system_id.value());
  writer.fixed(header.timeline.value());
  writer.fixed(header.segment_size.bytes());
  writer.fixed(header.segment.value());
  writer.fixed(crc32c(bytes));
  bytes.resize(kSpoolHeaderBytes);
  return bytes;
}

std::optional<SpoolHeader> parse_spool_header(ByteView file) {
  if (file.size() < kSpoolHeaderBytes || as_text(file.first(kMagic.size())) != kMagic) return std::nullopt;
  if (load_le<std::uint32_t>(&file[kHeaderFieldBytes]) != crc32c(file.first(kHeaderFieldBytes)))
    return std::nullopt;
  ByteReader reader(file.subspan(kMagic.size()), "spool file");
  SpoolHeader header;
  header.system_id = SystemId(reader.fixed<std::uint64_t>());
  header.timeline = TimelineId(reader.fixed<std::uint32_t>());
  const auto size = wal::SegmentSize::from_bytes(reader.fixed<std::uint32_t>());
  if (!size) return std::nullopt;
  header.segment_size = *size;
  header.segment = wal::SegmentNo(reader.fixed<std::uint64_t>());
  return header;
}

std::string spool_file_name(TimelineId timeline, wal::SegmentNo segment, wal::SegmentSize size) {
  return wal::segment_file_name(timeline, segment, size).append(kSuffix);
}

Spool::Spool(std::filesystem::path folder, SystemId system_id, TimelineId timeline, wal::SegmentSize size,
             disk::DurableOps& ops)
    : folder_(std::move(folder)), system_id_(system_id), timeline_(timeline), size_(size), ops_(ops) {
  disk::make_folders(ops_, folder_);
  for (const disk::FolderEntry& entry : disk::list_folder(folder_)) {
    if (!entry.name.ends_with(kSuffix)) continue;
    const auto name = std::string_view(entry.name).substr(0, entry.name.size() - kSuffix.size());
    const auto file = wal::parse_segment_file_name(name, size_);
    if (file && file->timeline == timeline_) files_.emplace(file->segment, folder_ / entry.name);
  }
}

std::filesystem::path Spool::path_of(wal::SegmentNo segment) const {
  return folder_ / spool_file_name(timeline_, segment, size_);
}

void Spool::write(Lsn start, ByteView bytes) {
  const wal::SegmentNo segment = wal::segment_of_start(start, size_);
  if (!file_ || segment != segment_) begin_file(segment, start);
  if (start != end_) {
    throw Error(ErrorKind::internal,
                fmt::format("spool of {} was written at {}, expected {}", path_of(segment).string(),
                            start.to_string(), end_.to_string()));
  }
  if (differs_from_leftover(start, bytes)) {
    if (start != segment.start(size_)) {
      // The beginning was the same, so it is on disk in the file that is set aside; the caller writes it once
      // more.
      set_leftover_aside();
      throw Error(ErrorKind::mismatch,
                  fmt::format("the spool file left by an earlier run differs from {} on", start.to_string()))
          .code("spool_differs");
    }
    set_leftover_aside();
    begin_file(segment, start);
  }
  file_->write_at(kSpoolHeaderBytes + (start - segment.start(size_)), bytes);
  file_->sync_data();
  end_ = start + bytes.size();
}

void Spool::begin_file(wal::SegmentNo segment, Lsn start) {
  abandon_file();
  if (start != segment.start(size_)) {
    throw Error(ErrorKind::internal,
                fmt::format("spool of a segment was begun in its middle, at {}", start.to_string()));
  }
  const auto path = path_of(segment);
  const SpoolHeader header{system_id_, timeline_, segment, size_};
  if (auto found = disk::read_whole_file_if_present(path, kSpoolHeaderBytes + size_.bytes())) {
    if (parse_spool_header(*found) == header) {
      leftover_.assign(found->begin() + kSpoolHeaderBytes, found->end());
      // Behind the valid WAL a file holds zeros, which are no evidence of anything.
      while (!leftover_.empty() && leftover_.back() == 0) leftover_.pop_back();
      file_ = ops_.open_file(path);
    } else {
      ops_.unlink(path);
    }
  }
  if (!file_) {
    file_ = ops_.create_file(path, disk::kPrivateFile);
    file_->allocate(kSpoolHeaderBytes + size_.bytes());
    file_->write_at(0, render_spool_header(header));
    file_->sync();
    ops_.sync_folder(folder_);
  }
  files_.insert_or_assign(segment, path);
  segment_ = segment;
  end_ = start;
}

bool Spool::differs_from_leftover(Lsn start, ByteView bytes) const {
  const std::uint64_t at = start - segment_.start(size_);
  if (at >= leftover_.size()) return false;
  const ByteView before =
      ByteView(leftover_).subspan(at, std::min<std::size_t>(bytes.size(), leftover_.size() - at));
  return !std::equal(before.begin(), before.end(), bytes.begin());
}

void Spool::set_leftover_aside() {
  const auto path = path_of(segment_);
  const auto aside =
      std::filesystem::path(path).concat(fmt::format(".differs-{}", disk::temporary_name().substr(5)));
  abandon_file();
  ops_.rename_over(path, aside);
  ops_.sync_folder(folder_);
  log_warning("archive",
              fmt::format("the spool file {} of an earlier run holds other WAL than the server sends now; "
                          "kept as {}",
                          path.string(), aside.string()));
}

void Spool::abandon_file() {
  file_.reset();
  leftover_.clear();
}

void Spool::remove_all() {
  if (!files_.empty()) remove_below(files_.rbegin()->first.end(size_));
}

void Spool::remove_below(Lsn durable) {
  bool removed = false;
  while (!files_.empty() && files_.begin()->first.end(size_) <= durable) {
    if (file_ && segment_ == files_.begin()->first) abandon_file();
    ops_.unlink(files_.begin()->second);
    files_.erase(files_.begin());
    removed = true;
  }
  // Not needed for safety: a file that comes back is removed again. It keeps the folder from surprising
  // anybody.
  if (removed) ops_.sync_folder(folder_);
}

}  // namespace tidemark::archive
