#include "backup/control_reader.h"

#include "disk/file_reader.h"
#include "tidemark/error.h"

namespace tidemark::backup {

namespace {

constexpr int kTries = 10;
constexpr std::chrono::milliseconds kBetween{10};
constexpr std::uint64_t kLimitBytes = 64 * 1024;

}  // namespace

ControlFileRead read_control_file(const std::function<Bytes()>& read, Clock& clock, const StopToken& stop) {
  for (int nth = 1;; ++nth) {
    Bytes content = read();
    if (const auto parsed = pgdata::parse_control_file(content)) return {std::move(content), *parsed};
    if (nth == kTries) {
      throw Error(ErrorKind::corrupt,
                  "the checksum of global/pg_control does not match, however often it is read");
    }
    clock.sleep(kBetween, stop);
    stop.throw_if_stopped();
  }
}

ControlFileRead read_control_file(const std::filesystem::path& data_directory, Clock& clock,
                                  const StopToken& stop) {
  const std::filesystem::path path = data_directory / "global" / "pg_control";
  return read_control_file([&] { return disk::read_whole_file(path, kLimitBytes); }, clock, stop);
}

}  // namespace tidemark::backup
