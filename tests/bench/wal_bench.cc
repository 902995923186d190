// Decoding and indexing of WAL, in bytes a second on one core. The WAL is made at start: pgbench-like, about
// 100 bytes a record; the goal is 1 GB/s with the index.

#include <benchmark/benchmark.h>

#include "harness/wal_writer.h"
#include "wal/index_builder.h"
#include "wal/stream_decoder.h"

namespace tidemark::wal {
namespace {

constexpr std::size_t kLoadBytes = 64U << 20;
constexpr std::size_t kMessageBytes = 131'072;  // as the server sends it

const test::WalWriter& load() {
  static const test::WalWriter writer = [] {
    test::WalWriter made;
    test::write_load(made, kLoadBytes);
    return made;
  }();
  return writer;
}

// Feeds the load in messages and hands every record to `take`.
template <typename Take>
std::size_t decode(const test::WalWriter& writer, std::size_t piece, Take take) {
  StreamDecoder decoder(writer.decoder_options(), writer.start());
  const ByteView bytes(writer.bytes());
  RecordView record;
  std::size_t count = 0;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    decoder.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    auto next = decoder.next(record);
    for (; next == StreamDecoder::Next::record; next = decoder.next(record), ++count) take(decoder, record);
    if (next == StreamDecoder::Next::end_of_wal) decoder.throw_end_of_wal();
  }
  return count;
}

void report(benchmark::State& state, std::size_t records) {
  const auto bytes = static_cast<std::int64_t>(load().bytes().size());
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * bytes);
  state.counters["bytes_a_record"] = static_cast<double>(bytes) / static_cast<double>(records);
}

void decode_only(benchmark::State& state) {
  const test::WalWriter& writer = load();
  std::size_t records = 0;
  for (auto _ : state) {
    records =
        decode(writer, static_cast<std::size_t>(state.range(0)),
               [](const StreamDecoder&, const RecordView& record) { benchmark::DoNotOptimize(record.end); });
  }
  report(state, records);
}
BENCHMARK(decode_only)->Arg(kMessageBytes)->Arg(4096)->Unit(benchmark::kMillisecond);

void decode_and_index(benchmark::State& state) {
  const test::WalWriter& writer = load();
  std::size_t records = 0;
  for (auto _ : state) {
    IndexBuilder builder(TimelineId(1), writer.start());
    records = decode(writer, kMessageBytes, [&](const StreamDecoder& decoder, const RecordView& record) {
      builder.add(record, *decoder.version());
    });
    benchmark::DoNotOptimize(builder.cut(writer.end(), Lsn()).ends.size());
  }
  report(state, records);
}
BENCHMARK(decode_and_index)->Unit(benchmark::kMillisecond);

WalIndex index_of_load() {
  const test::WalWriter& writer = load();
  IndexBuilder builder(TimelineId(1), writer.start());
  decode(writer, kMessageBytes, [&](const StreamDecoder& decoder, const RecordView& record) {
    builder.add(record, *decoder.version());
  });
  return builder.cut(writer.end(), Lsn());
}

// Bytes are those of the WAL that the index is of.
void serialize_index(benchmark::State& state) {
  const WalIndex index = index_of_load();
  std::size_t bytes = 0;
  for (auto _ : state) bytes = index.serialize().size();
  report(state, index.record_count);
  state.counters["bytes_an_end"] = static_cast<double>(bytes) / static_cast<double>(index.ends.size());
}
BENCHMARK(serialize_index)->Unit(benchmark::kMillisecond);

void parse_index(benchmark::State& state) {
  const WalIndex index = index_of_load();
  const Bytes bytes = index.serialize();
  for (auto _ : state) benchmark::DoNotOptimize(WalIndex::parse(bytes).ends.size());
  report(state, index.record_count);
}
BENCHMARK(parse_index)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tidemark::wal
