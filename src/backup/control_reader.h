#pragma once
// Reading pg_control of a running server: the server writes it while we read, and on some file systems a
// reader sees half of a write. postgres-notes 3.2.

#include <filesystem>
#include <functional>

#include "pgdata/control_file.h"
#include "tidemark/bytes.h"
#include "tidemark/clock.h"
#include "tidemark/stop.h"

namespace tidemark::backup {

struct ControlFileRead {
  Bytes content;
  pgdata::ControlFile parsed;
};

// Reads until the checksum matches, 10 times with 10 ms between; then Error corrupt.
ControlFileRead read_control_file(const std::filesystem::path& data_directory, Clock& clock,
                                  const StopToken& stop);
ControlFileRead read_control_file(const std::function<Bytes()>& read, Clock& clock, const StopToken& stop);

}  // namespace tidemark::backup
