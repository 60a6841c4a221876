// Arithmetic on sizes that come from files: overflow is an error, never a wrap.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "base/error.h"

namespace base {

/// a * b. Throws Fault::bad_file when the product does not fit.
inline std::size_t checked_mul(std::size_t a, std::size_t b) {
  std::size_t r;
  if (__builtin_mul_overflow(a, b, &r)) throw Error(Fault::bad_file, "size overflows 64 bits");
  return r;
}

/// a + b. Throws Fault::bad_file when the sum does not fit.
inline std::size_t checked_add(std::size_t a, std::size_t b) {
  std::size_t r;
  if (__builtin_add_overflow(a, b, &r)) throw Error(Fault::bad_file, "size overflows 64 bits");
  return r;
}

/// Smallest multiple of `unit` that is >= a. unit > 0.
inline std::size_t round_up(std::size_t a, std::size_t unit) {
  return checked_add(a, (unit - a % unit) % unit);
}

}  // namespace base
