#include "runtime/peak_memory.h"

#include <sys/resource.h>

namespace runtime {

std::size_t peak_resident_bytes() noexcept {
  struct rusage usage {};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

}  // namespace runtime
