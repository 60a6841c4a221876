// What all encoders with eight lanes share: the types, and the operations whose spelling decides
// bits. A lane is one sub-block or one candidate; nothing adds across lanes here, so every CPU
// computes the same bits.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace quant::eight {

using F8 [[gnu::vector_size(32)]] = float;
using I8 [[gnu::vector_size(32)]] = std::int32_t;

inline F8 splat(float v) noexcept { return F8{v, v, v, v, v, v, v, v}; }
inline I8 splat(std::int32_t v) noexcept { return I8{v, v, v, v, v, v, v, v}; }
/// a < b ? a : b and a > b ? a : b, zeros and NaN included; gcc makes three instructions of those.
inline F8 min(F8 a, F8 b) noexcept {
#if defined(__AVX2__) && defined(__FMA__)
  return _mm256_min_ps(a, b);
#else
  return a < b ? a : b;
#endif
}
inline F8 max(F8 a, F8 b) noexcept {
#if defined(__AVX2__) && defined(__FMA__)
  return _mm256_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}

/// a * b + c rounded once, on every machine.
inline F8 fused(F8 a, F8 b, F8 c) noexcept {
#if defined(__AVX2__) && defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  F8 r;
  for (int i = 0; i < 8; ++i) r[i] = std::fma(a[i], b[i], c[i]);
  return r;
#endif
}

/// words[index] of each lane.
inline I8 gather(const std::uint32_t* words, I8 index) noexcept {
#if defined(__AVX2__) && defined(__FMA__)
  return reinterpret_cast<I8>(_mm256_i32gather_epi32(reinterpret_cast<const int*>(words),
                                                     reinterpret_cast<__m256i>(index), 4));
#else
  I8 r;
  for (int i = 0; i < 8; ++i) r[i] = static_cast<std::int32_t>(words[index[i]]);
  return r;
#endif
}

}  // namespace quant::eight
