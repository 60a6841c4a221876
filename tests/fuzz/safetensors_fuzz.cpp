// Any bytes are a safetensors file or are refused; the tensors of an accepted one cover its data
// exactly.
#include <cstdlib>

#include "base/error.h"
#include "convert/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    std::size_t bytes = 0;
    for (const convert::SafeTensor& t :
         convert::parse_safetensors(std::as_bytes(std::span(data, size)))) {
      if (t.name.empty() || t.offset > size || t.size > size - t.offset) std::abort();
      if (t.elements() * t.dtype->bytes != t.size) std::abort();
      bytes += t.size;
    }
    if (bytes > size) std::abort();
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_file) std::abort();
  }
  return 0;
}
