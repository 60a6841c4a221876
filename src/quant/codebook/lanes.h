// Eight floats side by side: one lane is one scale group, or one candidate. Plain element-wise
// arithmetic in the GCC vector extensions, so every CPU gives the same bits.
#pragma once

#include <cstdint>

namespace quant {

using F4 = float __attribute__((vector_size(16)));
using F8 = float __attribute__((vector_size(32)));
using I8 = std::int32_t __attribute__((vector_size(32)));
inline constexpr int kLanes = 8;

inline F8 splat(float v) noexcept { return F8{v, v, v, v, v, v, v, v}; }
inline I8 splat(std::int32_t v) noexcept { return I8{v, v, v, v, v, v, v, v}; }
inline F8 min(F8 a, F8 b) noexcept { return a < b ? a : b; }
inline F8 max(F8 a, F8 b) noexcept { return a > b ? a : b; }

/// Sum of the eight lanes, always added in the same order.
inline float sum(F8 v) noexcept {
  const F4 half = F4{v[0], v[1], v[2], v[3]} + F4{v[4], v[5], v[6], v[7]};
  return (half[0] + half[2]) + (half[1] + half[3]);
}

inline F4 load4(const float* p) noexcept {
  F4 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline F8 load8(const float* p) noexcept {
  F8 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store8(float* p, F8 v) noexcept { __builtin_memcpy(p, &v, sizeof v); }

}  // namespace quant
