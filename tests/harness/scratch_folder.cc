#include <stdlib.h>  // mkdtemp
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>

#include "harness/postgres_cluster.h"
#include "tidemark/error.h"

namespace tidemark::test {

// Always below /tmp: a unix socket's path is limited to 107 bytes, which a $TMPDIR may exceed.
ScratchFolder::ScratchFolder() {
  std::string pattern = "/tmp/tidemark-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw errno_error(errno, "creating a scratch folder");
  path_ = pattern;
  if (::chmod(pattern.c_str(), 0755) != 0)
    throw errno_error(errno, "opening a scratch folder to the server's user");
}

ScratchFolder::~ScratchFolder() {
  if (std::getenv("TIDEMARK_KEEP") != nullptr) {
    std::cerr << "kept: " << path_.string() << '\n';
    return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tidemark::test
