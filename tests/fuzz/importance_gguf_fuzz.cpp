// The same for the GGUF dialect: the first four bytes are always its magic.
#include <cstring>

#include "importance.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  std::vector<std::byte> bytes(size);
  std::memcpy(bytes.data(), data, size);
  std::memcpy(bytes.data(), "GGUF", 4);
  fuzz::run(bytes);
  return 0;
}
