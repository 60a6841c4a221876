// How much memory the process has held at most.
#pragma once

#include <cstddef>

namespace runtime {

/// Largest resident size of this process so far, in bytes, mapped files included; 0 if the system
/// does not tell.
std::size_t peak_resident_bytes() noexcept;

}  // namespace runtime
