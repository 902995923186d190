// The configuration's text: anything but a clean Error is a bug.
#include "config/settings.h"
#include "tidemark/bytes.h"
#include "tidemark/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    tidemark::config::parse_settings(tidemark::as_text({data, size}), "fuzz");
  } catch (const tidemark::Error&) {
    // refused, as most inputs must be
  }
  return 0;
}
