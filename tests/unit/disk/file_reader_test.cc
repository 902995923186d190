#include "disk/file_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "disk/durable_ops.h"
#include "harness/temporary_folder.h"
#include "tidemark/error.h"

namespace tidemark::disk {

namespace {

using harness::TemporaryFolder;

Path file_of(const TemporaryFolder& folder, ByteView content) {
  write_file_durably(real_ops(), folder / "f", content);
  return folder / "f";
}

TEST(InputFile, ReadsAtPlacesAndStopsAtTheEnd) {
  const TemporaryFolder folder;
  const InputFile file(file_of(folder, as_bytes("0123456789")));
  EXPECT_EQ(file.size(), 10U);
  Bytes some(4);
  EXPECT_EQ(file.read_up_to(3, some), 4U);
  EXPECT_EQ(as_text(some), "3456");
  EXPECT_EQ(file.read_up_to(8, some), 2U);
  EXPECT_EQ(file.read_up_to(50, some), 0U);
  file.read_at(6, some);
  EXPECT_EQ(as_text(some), "6789");
  EXPECT_THROW(file.read_at(7, some), Error);
}

TEST(InputFile, TellsAbsentFilesFromOthers) {
  const TemporaryFolder folder;
  EXPECT_FALSE(InputFile::open_if_present(folder / "absent"));
  EXPECT_FALSE(InputFile::open_if_present(folder.path()));
  EXPECT_FALSE(InputFile::open_if_present(file_of(folder, {}) / "below"));
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_FALSE(InputFile::open_if_present(folder / "fifo"));  // and does not wait for a writer
  try {
    InputFile file(folder / "absent");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
  }
}

TEST(InputFile, Moves) {
  const TemporaryFolder folder;
  InputFile one(file_of(folder, as_bytes("abc")));
  InputFile two(std::move(one));
  EXPECT_EQ(two.size(), 3U);
  InputFile three(folder / "f");
  three = std::move(two);
  EXPECT_EQ(three.size(), 3U);
}

TEST(ReadWholeFile, HasItsLimit) {
  const TemporaryFolder folder;
  const Bytes content(100'000, 7);
  const Path path = file_of(folder, content);
  EXPECT_EQ(read_whole_file(path), content);
  EXPECT_EQ(read_whole_file(path, 100'000), content);
  EXPECT_THROW(read_whole_file(path, 99'999), Error);
  EXPECT_EQ(read_whole_file_if_present(folder / "absent"), std::nullopt);
  EXPECT_EQ(read_whole_file(file_of(folder, {})), Bytes{});
}

TEST(ReadWholeFile, DoesNotTrustTheSize) {
  EXPECT_FALSE(read_small_text("/proc/self/status").empty());  // says that it has 0 bytes
}

std::size_t resident_pages(const InputFile& file) {
  const std::size_t size = file.size();
  std::vector<unsigned char> pages((size + 4095) / 4096);
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  EXPECT_EQ(::mincore(map, size, pages.data()), 0);
  ::munmap(map, size);
  std::size_t count = 0;
  for (const unsigned char page : pages) count += page & 1;
  return count;
}

TEST(ReadWindow, LeavesThePageCacheAsItWas) {
  const TemporaryFolder folder;
  const Path path = file_of(folder, Bytes(1 << 20, 5));  // synced, so its pages are clean and can be dropped
  const InputFile file(path);
  file.expect_windows();
  ::posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
  if (resident_pages(file) != 0) GTEST_SKIP() << "this file system keeps its pages";
  Bytes page(4096);
  file.read_at(40 * 4096, page);  // what the database had been using
  const std::size_t before = resident_pages(file);
  ASSERT_GE(before, 1U);
  ASSERT_LT(before, 200U);
  Bytes content(1 << 20);
  {
    const ReadWindow window(file, 0, 1 << 20);
    EXPECT_EQ(window.bytes_fetched(), (256 - before) * 4096);
    file.read_at(0, content);
    EXPECT_EQ(resident_pages(file), 256U);
  }
  EXPECT_EQ(content, Bytes(1 << 20, 5));
  EXPECT_EQ(resident_pages(file), before);
}

TEST(ReadWindow, BearsOddPlaces) {
  const TemporaryFolder folder;
  const InputFile file(file_of(folder, Bytes(5000, 1)));
  ReadWindow beyond(file, 10'000, 4096);
  EXPECT_EQ(beyond.bytes_fetched(), 0U);
  ReadWindow odd(file, 4999, 1 << 20);
  beyond = std::move(odd);
  const TemporaryFolder other;
  const InputFile empty(file_of(other, {}));
  EXPECT_EQ(ReadWindow(empty, 0, 4096).bytes_fetched(), 0U);
}

}  // namespace

}  // namespace tidemark::disk
