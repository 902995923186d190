#include "wal/stream_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tidemark/error.h"
#include "wal/page.h"

namespace tidemark::wal {
namespace {

constexpr std::uint32_t kAlignment = 8;
constexpr std::uint8_t kHighestBuiltInManager = 21;
constexpr std::uint8_t kLowestCustomManager = 128;
// A reassembly buffer above this is given back when the record that needed it is done.
constexpr std::size_t kKeptBufferBytes = 16U << 20;

constexpr std::uint64_t align(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) & ~std::uint64_t{kAlignment - 1};
}

bool known_manager(std::uint8_t rmid, const VersionTraits* version) {
  if (rmid <= kHighestBuiltInManager) return true;
  return rmid >= kLowestCustomManager && (version == nullptr || version->custom_resource_managers);
}

bool is_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](Byte byte) { return byte == 0; });
}

}  // namespace

struct StreamDecoder::State {
  enum class Phase : std::uint8_t {
    page_header,   // `at` is a page boundary
    skipping,      // inside a record that began before the start
    record_start,  // `at` is where a record begins
    assembling,    // inside a record that does not lie in one piece of the input
    switch_tail,   // zeros from a SWITCH to the end of the segment
    ended,
  };
  enum class Step : std::uint8_t { go_on, need_more, record, ended };

  State(const DecoderOptions& given, Lsn start);

  Step step(RecordView& record);
  Step step_page_header();
  Step step_skipping();
  Step step_record_start(RecordView& record);
  Step step_assembling(RecordView& record);
  Step step_switch_tail();

  Step accept_page(const PageHeader& header);
  Step accept_overwriting_page(const PageHeader& header);
  void gather(std::uint64_t taken, std::uint64_t wanted);
  Step finish_assembly(std::uint32_t total, RecordView& record);
  Step drop_assembly(std::string reason);
  Step finish_record(ByteView bytes, Lsn start, RecordView& record);
  void end_record(RecordView& record);
  std::optional<std::string> header_fault(const Byte* header, Lsn start) const;
  std::optional<std::string> overwrite_fault(const RecordView& record) const;

  Step end(std::string reason) {
    why = std::move(reason);
    phase = Phase::ended;
    return Step::ended;
  }
  bool at_page() const { return (at.value() & (page_bytes - 1)) == 0; }
  bool at_segment() const { return (at.value() & (options.segment_size.bytes() - 1)) == 0; }
  std::uint64_t page_left() const { return page_bytes - (at.value() & (page_bytes - 1)); }
  void consume(std::size_t bytes) {
    input = input.subspan(bytes);
    at += bytes;
  }
  Phase between_records() const { return at_page() ? Phase::page_header : Phase::record_start; }
  bool assembly_open() const { return !assembly.empty(); }

  DecoderOptions options;
  const VersionTraits* version = nullptr;
  Phase phase = Phase::page_header;
  std::uint32_t page_bytes = kDefaultPageBytes;
  bool first_page = true;
  TimelineId page_timeline;

  ByteView input;
  Lsn at;  // of the first byte of input (in page_header: of the page)
  Lsn fed_to;
  Bytes held;  // the part of a page header that came with earlier input

  std::uint64_t skip_aligned = 0;  // still to skip, the padding behind the record included
  std::uint64_t skip_exact = 0;    // the same without the padding, as the next page announces it

  Bytes assembly;
  Lsn assembly_start;
  bool assembly_checked = false;  // its header was
  bool assembly_done = false;     // handed out; belongs to the caller until the next call

  bool expect_overwrite = false;  // the page's first record must be OVERWRITE_CONTRECORD
  Lsn overwritten;                // and name this; 0/0 = unknown

  Lsn last_start, last_end, first_record;
  bool any_record = false;
  std::string why;
};

StreamDecoder::State::State(const DecoderOptions& given, Lsn start)
    : options(given), at(start), fed_to(start) {
  if (start.value() % kAlignment != 0) {
    throw Error(ErrorKind::internal,
                fmt::format("WAL cannot be decoded from {} on: not aligned", start.to_string()));
  }
  if (options.major) {
    version = version_of_major(*options.major);
    if (version == nullptr) {
      throw Error(ErrorKind::internal, fmt::format("WAL of PostgreSQL {} cannot be decoded", *options.major));
    }
  }
  // A start inside a page is a record's; there the page's own header is not seen.
  if (!at_page()) {
    phase = Phase::record_start;
    first_page = false;
  }
}

StreamDecoder::State::Step StreamDecoder::State::step(RecordView& record) {
  switch (phase) {
    case Phase::page_header:
      return step_page_header();
    case Phase::skipping:
      return step_skipping();
    case Phase::record_start:
      return step_record_start(record);
    case Phase::assembling:
      return step_assembling(record);
    case Phase::switch_tail:
      return step_switch_tail();
    case Phase::ended:
      break;
  }
  return Step::ended;
}

StreamDecoder::State::Step StreamDecoder::State::step_page_header() {
  const std::size_t wanted = at_segment() ? kLongPageHeaderBytes : kShortPageHeaderBytes;
  PageHeader header;
  if (held.empty() && input.size() >= wanted) {
    header = parse_page_header(input.first(wanted));
    input = input.subspan(wanted);
  } else {
    const std::size_t taken = std::min(input.size(), wanted - held.size());
    held.insert(held.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(taken));
    input = input.subspan(taken);
    if (held.size() < wanted) return Step::need_more;
    header = parse_page_header(held);
    held.clear();
  }
  return accept_page(header);
}

StreamDecoder::State::Step StreamDecoder::State::accept_page(const PageHeader& header) {
  const PageExpectation expected{.address = at,
                                 .segment_size = options.segment_size,
                                 .page_bytes = first_page ? std::nullopt : std::optional(page_bytes),
                                 .lowest = std::max(page_timeline, TimelineId(1)),
                                 .highest = options.timeline,
                                 .version = version,
                                 .system_id = options.system_id};
  if (auto fault = page_fault(header, expected)) return end(std::move(*fault));
  version = version_of_magic(header.magic);
  page_timeline = header.timeline;
  if (header.is_long()) {
    options.system_id = header.system_id;
    page_bytes = header.page_bytes;
  }
  const bool first = std::exchange(first_page, false);
  if (header.overwrites()) {
    if (!first && !assembly_open() && skip_exact == 0)
      return end("a page overwrites a record that was complete");
    return accept_overwriting_page(header);
  }
  if (assembly_open()) {
    const std::uint64_t left = load_le<std::uint32_t>(assembly.data()) - assembly.size();
    if (!header.continues()) return end("the record is not continued on the next page");
    if (header.remaining != left) {
      return end(
          fmt::format("the next page continues with {} bytes, the record needs {}", header.remaining, left));
    }
    phase = Phase::assembling;
  } else if (first && header.continues()) {
    if (header.remaining == 0) return end("the page continues a record with 0 bytes");
    skip_exact = header.remaining;
    skip_aligned = align(skip_exact);
    phase = Phase::skipping;
  } else if (skip_exact != 0) {
    if (!header.continues() || header.remaining != skip_exact) {
      return end(fmt::format("the page does not continue the record before with {} bytes", skip_exact));
    }
    phase = Phase::skipping;
  } else {
    if (header.continues()) return end("the page continues a record that was complete");
    phase = Phase::record_start;
  }
  at += header.bytes();
  return Step::go_on;
}

// The server crashed before it wrote the rest of the open record, and said so on this page: the half record
// never was.
StreamDecoder::State::Step StreamDecoder::State::accept_overwriting_page(const PageHeader& header) {
  if (header.continues()) return end("the page both continues and overwrites a record");
  overwritten = assembly_open() ? assembly_start : Lsn();
  expect_overwrite = true;
  assembly.clear();
  skip_exact = skip_aligned = 0;
  phase = Phase::record_start;
  at += header.bytes();
  return Step::go_on;
}

StreamDecoder::State::Step StreamDecoder::State::step_skipping() {
  const std::uint64_t taken = std::min<std::uint64_t>({input.size(), page_left(), skip_aligned});
  consume(taken);
  skip_aligned -= taken;
  skip_exact -= std::min(skip_exact, taken);
  if (skip_aligned == 0) {
    phase = between_records();
    return Step::go_on;
  }
  if (at_page() && taken > 0) {
    phase = Phase::page_header;
    return Step::go_on;
  }
  return Step::need_more;
}

StreamDecoder::State::Step StreamDecoder::State::step_record_start(RecordView& record) {
  if (!first_record.valid()) first_record = at;
  if (input.empty()) return Step::need_more;
  const std::uint64_t here = std::min<std::uint64_t>(page_left(), input.size());
  if (here >= kRecordHeaderBytes) {
    const std::uint32_t total = load_le<std::uint32_t>(input.data());
    if (auto fault = header_fault(input.data(), at)) return end(std::move(*fault));
    if (align(total) <= here) {
      const ByteView bytes = input.first(total);
      const Lsn start = at;
      const auto step = finish_record(bytes, start, record);
      if (step == Step::record) {
        consume(align(total));
        end_record(record);
      }
      return step;
    }
  }
  if (assembly.capacity() > kKeptBufferBytes) Bytes().swap(assembly);
  assembly_start = at;
  assembly_checked = false;
  phase = Phase::assembling;
  return Step::go_on;
}

// First the length, then the header, then the whole: nothing is gathered on the word of an unchecked header.
StreamDecoder::State::Step StreamDecoder::State::step_assembling(RecordView& record) {
  for (;;) {
    const bool length_known = assembly.size() >= sizeof(std::uint32_t);
    const std::uint32_t total = length_known ? load_le<std::uint32_t>(assembly.data()) : 0;
    if (length_known && total < kRecordHeaderBytes) {
      return drop_assembly(total == 0 ? "no record begins here" : fmt::format("a record of {} bytes", total));
    }
    if (assembly.size() >= kRecordHeaderBytes && !assembly_checked) {
      if (auto fault = header_fault(assembly.data(), assembly_start)) return drop_assembly(std::move(*fault));
      assembly_checked = true;
    }
    if (assembly_checked && assembly.size() == align(total)) return finish_assembly(total, record);
    // The length lies on the record's first page, so that here a boundary is always inside a record of known
    // length.
    if (length_known && at_page()) {
      phase = Phase::page_header;
      return Step::go_on;
    }
    const std::uint64_t wanted = assembly_checked ? align(total)
                                 : length_known   ? kRecordHeaderBytes
                                                  : sizeof(std::uint32_t);
    const std::uint64_t taken =
        std::min<std::uint64_t>({input.size(), page_left(), wanted - assembly.size()});
    if (taken == 0) return Step::need_more;
    gather(taken, wanted);
  }
}

void StreamDecoder::State::gather(std::uint64_t taken, std::uint64_t wanted) {
  if (assembly.size() + taken > assembly.capacity()) {
    // Doubled, but never beyond the record: its announced length is believed only as far as bytes follow.
    constexpr std::uint64_t kFirstBytes = 8192;
    assembly.reserve(std::min(std::max<std::uint64_t>(2 * assembly.capacity(), kFirstBytes),
                              std::max<std::uint64_t>(wanted, kFirstBytes)));
  }
  assembly.insert(assembly.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(taken));
  consume(taken);
}

StreamDecoder::State::Step StreamDecoder::State::finish_assembly(std::uint32_t total, RecordView& record) {
  const auto step = finish_record(ByteView(assembly).first(total), assembly_start, record);
  if (step != Step::record) return drop_assembly(std::move(why));
  end_record(record);
  assembly_done = true;
  return step;
}

// What was gathered is no record.
StreamDecoder::State::Step StreamDecoder::State::drop_assembly(std::string reason) {
  at = assembly_start;
  assembly.clear();
  return end(std::move(reason));
}

void StreamDecoder::State::end_record(RecordView& record) {
  record.end = last_end = at;
  phase = record.is_xlog(kSegmentSwitch) && !at_segment() ? Phase::switch_tail : between_records();
}

StreamDecoder::State::Step StreamDecoder::State::step_switch_tail() {
  const std::uint64_t segment_left =
      options.segment_size.bytes() - (at.value() & (options.segment_size.bytes() - 1));
  const std::uint64_t taken = std::min<std::uint64_t>(input.size(), segment_left);
  if (taken == 0) return Step::need_more;
  if (!is_zero(input.first(taken))) return end("bytes behind a segment switch are not zero");
  consume(taken);
  if (at_segment()) phase = Phase::page_header;
  return Step::go_on;
}

std::optional<std::string> StreamDecoder::State::header_fault(const Byte* header, Lsn start) const {
  const std::uint32_t total = load_le<std::uint32_t>(header);
  if (total == 0) return "no record begins here";
  if (total < kRecordHeaderBytes || total > kMaximumRecordBytes)
    return fmt::format("a record of {} bytes", total);
  if (!known_manager(header[17], version)) return fmt::format("unknown resource manager {}", header[17]);
  const Lsn previous(load_le<std::uint64_t>(header + 8));
  if (any_record ? previous != last_start : previous >= start) {
    return fmt::format("the record names {} as the one before it, which is at {}", previous.to_string(),
                       any_record ? last_start.to_string() : "another place");
  }
  return std::nullopt;
}

std::optional<std::string> StreamDecoder::State::overwrite_fault(const RecordView& record) const {
  const bool overwrites = record.is_xlog(kOverwriteContinuation);
  if (!overwrites) {
    return expect_overwrite
               ? std::optional<std::string>("the page overwrites a record but does not say which")
               : std::nullopt;
  }
  // Where decoding began, the flag of the page may not have been seen.
  if (!expect_overwrite && any_record) return "a record is overwritten that was complete";
  const ByteView data = record.bytes.subspan(kRecordHeaderBytes);
  if (data.size() < 2 + 8 || data[0] != 255) return "the record that overwrites another is malformed";
  const Lsn named(load_le<std::uint64_t>(&data[2]));
  if (overwritten.valid() && named != overwritten) {
    return fmt::format("the page overwrites {}, but the open record began at {}", named.to_string(),
                       overwritten.to_string());
  }
  return std::nullopt;
}

// Sets all of `record` but its end.
StreamDecoder::State::Step StreamDecoder::State::finish_record(ByteView bytes, Lsn start,
                                                               RecordView& record) {
  const Byte* header = bytes.data();
  if (record_crc(bytes) != load_le<std::uint32_t>(header + 20))
    return end("the checksum of the record is wrong");
  record.start = start;
  record.previous = Lsn(load_le<std::uint64_t>(header + 8));
  record.xid = load_le<std::uint32_t>(header + 4);
  record.info = header[16];
  record.rmid = header[17];
  record.bytes = bytes;
  if (expect_overwrite || record.is_xlog(kOverwriteContinuation)) {
    if (auto fault = overwrite_fault(record)) return end(std::move(*fault));
    expect_overwrite = false;
    overwritten = Lsn();
  }
  any_record = true;
  last_start = start;
  return Step::record;
}

StreamDecoder::StreamDecoder(const DecoderOptions& options, Lsn start)
    : state_(std::make_unique<State>(options, start)) {}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

void StreamDecoder::feed(ByteView bytes) {
  TIDEMARK_CHECK(state_->input.empty() || state_->phase == State::Phase::ended);
  state_->input = bytes;
  state_->fed_to += bytes.size();
}

StreamDecoder::Next StreamDecoder::next(RecordView& record) {
  State& state = *state_;
  if (state.assembly_done) {
    state.assembly.clear();
    state.assembly_done = false;
  }
  for (;;) {
    switch (state.step(record)) {
      case State::Step::go_on:
        break;
      case State::Step::need_more:
        return Next::need_more;
      case State::Step::record:
        return Next::record;
      case State::Step::ended:
        return Next::end_of_wal;
    }
  }
}

Lsn StreamDecoder::position() const { return in_record() ? state_->assembly_start : state_->at; }
Lsn StreamDecoder::fed_to() const { return state_->fed_to; }
Lsn StreamDecoder::last_record_start() const { return state_->last_start; }
Lsn StreamDecoder::last_record_end() const { return state_->last_end; }
bool StreamDecoder::in_record() const { return state_->assembly_open() && !state_->assembly_done; }
Lsn StreamDecoder::first_record_start() const { return state_->first_record; }
const VersionTraits* StreamDecoder::version() const { return state_->version; }
std::optional<SystemId> StreamDecoder::system_id() const { return state_->options.system_id; }
const std::string& StreamDecoder::why() const { return state_->why; }

void StreamDecoder::throw_end_of_wal() const {
  throw Error(ErrorKind::corrupt,
              fmt::format("the WAL of timeline {} is not valid at {}: {}", state_->options.timeline.value(),
                          position().to_string(), state_->why));
}

}  // namespace tidemark::wal
