// Sealing and opening extents of 1 MiB, beside what zstd, AES and the hash cost alone.
#include <benchmark/benchmark.h>
#include <zstd.h>

#include <random>

#include "codec/cipher.h"
#include "codec/object.h"
#include "tidemark/checksum.h"

namespace tidemark::codec {
namespace {

constexpr const char* kPath =
    "clusters/main/15-7123456789012345678/backups/20261122T030456Z-1f3a/packs/00000001";

// Rows of a table as pages hold them: counters, repeated words and some noise; zstd 1 makes a third of it.
Bytes extent() {
  std::mt19937_64 random(1);
  Bytes bytes;
  ByteWriter writer(bytes);
  for (std::uint64_t row = 0; bytes.size() < kFramePlainLimit; ++row) {
    writer.fixed(row);
    writer.fixed(static_cast<std::uint32_t>(random()));
    writer.fixed<std::uint64_t>(random() % 100'000);
    writer.bytes(as_bytes(random() % 3 == 0 ? "a filler as pgbench writes it      "
                                            : "another one, not quite as long   "));
  }
  bytes.resize(kFramePlainLimit);
  return bytes;
}

Secrets secrets(bool encrypted) {
  std::array<Byte, 16> id{};
  id.fill(3);
  const Bytes key(32, 5);
  return encrypted ? Secrets::with_key(RepositoryId(id), SecretBytes(key))
                   : Secrets::unencrypted(RepositoryId(id));
}

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * kFramePlainLimit);
}

void seal(benchmark::State& state) {
  const Bytes plain = extent();
  const Secrets all = secrets(state.range(0) != 0);
  const int level = static_cast<int>(state.range(1));
  FrameContext context;
  ObjectWriter writer(all, ObjectKind::pack, kPath, level, context);
  writer.reserve(40U << 20);
  for (auto _ : state) {
    if (writer.bytes().size() > 32U << 20) {
      writer.take();
      writer.reserve(40U << 20);
    }
    const Hash128 hash = xxh3_128(plain, all.hash_seed());
    benchmark::DoNotOptimize(writer.add_frame(plain, hash));
  }
  count_bytes(state);
}
BENCHMARK(seal)
    ->ArgNames({"encrypted", "level"})
    ->Args({0, 1})
    ->Args({1, 1})
    ->Args({1, 0})
    ->Args({0, 0})
    ->MinTime(0.5);

void open(benchmark::State& state) {
  const Bytes plain = extent();
  const Secrets all = secrets(state.range(0) != 0);
  FrameContext context;
  ObjectWriter writer(all, ObjectKind::pack, kPath, static_cast<int>(state.range(1)), context);
  const FramePlace place = writer.add_frame(plain);
  ObjectReader reader(all, ObjectKind::pack, kPath, writer.bytes(), context);
  const ByteView stored = ByteView(writer.bytes()).subspan(place.offset, place.stored_bytes);
  for (auto _ : state) benchmark::DoNotOptimize(reader.open_frame(stored, 0, false).plain.data());
  count_bytes(state);
}
BENCHMARK(open)->ArgNames({"encrypted", "level"})->Args({0, 1})->Args({1, 1})->Args({1, 0})->MinTime(0.5);

void zstd_compress_alone(benchmark::State& state) {
  const Bytes plain = extent();
  Bytes out(ZSTD_compressBound(plain.size()));
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::size_t size = 0;
  for (auto _ : state) {
    size = ZSTD_compressCCtx(context, out.data(), out.size(), plain.data(), plain.size(), 1);
    benchmark::DoNotOptimize(size);
  }
  ZSTD_freeCCtx(context);
  state.counters["ratio"] = static_cast<double>(plain.size()) / static_cast<double>(size);
  count_bytes(state);
}
BENCHMARK(zstd_compress_alone)->MinTime(0.5);

void zstd_decompress_alone(benchmark::State& state) {
  const Bytes plain = extent();
  Bytes packed(ZSTD_compressBound(plain.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1));
  Bytes out(plain.size());
  ZSTD_DCtx* context = ZSTD_createDCtx();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        ZSTD_decompressDCtx(context, out.data(), out.size(), packed.data(), packed.size()));
  }
  ZSTD_freeDCtx(context);
  count_bytes(state);
}
BENCHMARK(zstd_decompress_alone)->MinTime(0.5);

void aes_alone(benchmark::State& state) {
  Bytes data = extent();
  Cipher cipher;
  const CipherKey key;
  Nonce nonce{};
  std::array<Byte, kTagBytes> tag;
  for (auto _ : state) cipher.seal(key, nonce, {}, data, tag);
  count_bytes(state);
}
BENCHMARK(aes_alone)->MinTime(0.5);

void hash_alone(benchmark::State& state) {
  const Bytes data = extent();
  for (auto _ : state) benchmark::DoNotOptimize(xxh3_128(data, 1));
  count_bytes(state);
}
BENCHMARK(hash_alone)->MinTime(0.5);

// An acknowledged commit: one small frame.
void seal_small(benchmark::State& state) {
  const Bytes plain = extent();
  const Secrets all = secrets(state.range(0) != 0);
  FrameContext context;
  ObjectWriter writer(all, ObjectKind::wal_open, kPath, 1, context);
  for (auto _ : state) {
    writer.add_frame(ByteView(plain).first(600));
    benchmark::DoNotOptimize(writer.take());
  }
}
BENCHMARK(seal_small)->ArgName("encrypted")->Arg(0)->Arg(1)->MinTime(0.2);

}  // namespace
}  // namespace tidemark::codec
