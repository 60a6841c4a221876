// Eight floats side by side: one lane is one scale group, or one candidate. Plain element-wise
// arithmetic in the GCC vector extensions, so every CPU gives the same bits.
#pragma once

#include <cstdint>

#include "quant/fit/eight.h"

namespace quant {

using F4 = float __attribute__((vector_size(16)));
using eight::F8, eight::I8, eight::splat, eight::min, eight::max, eight::fused, eight::gather;
inline constexpr int kLanes = 8;

/// Bit i is set where lane i of a comparison holds.
inline unsigned mask_of(I8 truth) noexcept {
#if defined(__AVX2__) && defined(__FMA__)
  return static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<F8>(truth)));
#else
  unsigned mask = 0;
  for (int i = 0; i < kLanes; ++i) mask |= (truth[i] != 0 ? 1U : 0U) << i;
  return mask;
#endif
}

/// Smallest lane.
inline float lowest(F8 v) noexcept {
  const F4 a = F4{v[0], v[1], v[2], v[3]}, b = F4{v[4], v[5], v[6], v[7]};
  const F4 half = a < b ? a : b;
  const F4 turned = __builtin_shufflevector(half, half, 2, 3, 0, 1);
  const F4 pair = half < turned ? half : turned;
  return pair[0] < pair[1] ? pair[0] : pair[1];
}

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
/// Eight signed bytes as floats.
inline F8 widen8(const std::int8_t* p) noexcept {
#if defined(__AVX2__) && defined(__FMA__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
#else
  F8 v;
  for (int i = 0; i < kLanes; ++i) v[i] = p[i];
  return v;
#endif
}
inline void store8(float* p, F8 v) noexcept { __builtin_memcpy(p, &v, sizeof v); }

}  // namespace quant
