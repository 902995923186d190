// Speed of parts: an incremental backup reads and writes all that changed, a restore reads all.
#include <benchmark/benchmark.h>

#include "catalog/parts.h"

namespace tidemark::catalog {
namespace {

Bytes build_part(std::uint32_t files, std::uint32_t extents_per_file) {
  PartBuilder builder;
  std::uint64_t offset = 64;
  std::uint32_t frame = 0;
  for (std::uint32_t file = 0; file < files; ++file) {
    FileEntry entry;
    entry.path = "base/16384/" + std::to_string(100'000 + file);
    entry.size_bytes = std::uint64_t{extents_per_file} << 20;
    entry.mode = 0600;
    entry.owner = entry.group = "postgres";
    for (std::uint32_t i = 0; i < extents_per_file; ++i) {
      const std::uint32_t stored = 180'000 + i % 4096;
      entry.extents.push_back({{offset, frame}, 1U << 20, false, {0, 1, frame, offset, stored}, {}});
      offset += stored;
      ++frame;
    }
    builder.add(entry);
  }
  return builder.finish();
}

void report(benchmark::State& state, std::uint64_t extents, std::size_t bytes) {
  state.counters["extents"] = benchmark::Counter(
      static_cast<double>(extents) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["bytes/extent"] = static_cast<double>(bytes) / static_cast<double>(extents);
}

void read_part(benchmark::State& state) {
  const auto per_file = static_cast<std::uint32_t>(state.range(0));
  const Bytes part = build_part(kExtentsPerPart / per_file, per_file);
  for (auto _ : state) {
    PartReader reader(part);
    while (auto entry = reader.next()) benchmark::DoNotOptimize(entry->extents.data());
  }
  report(state, kExtentsPerPart, part.size());
}
BENCHMARK(read_part)->Arg(1)->Arg(1000);

// What a merge does with entries that did not change: reads them from one part and writes them to another.
void merge_part(benchmark::State& state) {
  const auto per_file = static_cast<std::uint32_t>(state.range(0));
  const Bytes part = build_part(kExtentsPerPart / per_file, per_file);
  for (auto _ : state) {
    PartReader reader(part);
    PartBuilder builder;
    while (auto entry = reader.next()) builder.add(*entry);
    benchmark::DoNotOptimize(builder.finish().size());
  }
  report(state, kExtentsPerPart, part.size());
}
BENCHMARK(merge_part)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace tidemark::catalog
