// Any bytes are a .dat importance file or are refused; what is accepted is finite, can be merged
// and written.
#include "importance.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::run(std::as_bytes(std::span(data, size)));
  return 0;
}
