#include <benchmark/benchmark.h>

#include <random>

#include "pgdata/page_checksum.h"

namespace tidemark::pgdata {
namespace {

// An extent's worth of pages, so that the figure is of the second cache level, as in a copy.
Bytes random_extent() {
  std::mt19937 generator(1);
  Bytes extent(1U << 20);
  for (Byte& byte : extent) byte = static_cast<Byte>(generator());
  return extent;
}

void page_checksum_of_extent(benchmark::State& state) {
  const Bytes extent = random_extent();
  for (auto _ : state) {
    std::uint32_t block = 0;
    for (std::size_t at = 0; at < extent.size(); at += 8192) {
      benchmark::DoNotOptimize(page_checksum(ByteView(extent).subspan(at, 8192), block++));
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * extent.size()));
}
BENCHMARK(page_checksum_of_extent);

void all_zero_of_extent(benchmark::State& state) {
  const Bytes extent(1U << 20);
  for (auto _ : state) benchmark::DoNotOptimize(all_zero(extent));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * extent.size()));
}
BENCHMARK(all_zero_of_extent);

}  // namespace
}  // namespace tidemark::pgdata
