// Eight floats side by side. The encoders give one sub-block (or one candidate) a lane and never
// add across lanes, so every instruction set computes the same bits; the compiler lowers the
// operations to whatever the target has.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace quant::lanes {

inline constexpr std::size_t kLanes = 8;
using F8 [[gnu::vector_size(32)]] = float;
using I8 [[gnu::vector_size(32)]] = std::int32_t;

inline F8 splat(float v) noexcept { return F8{v, v, v, v, v, v, v, v}; }
inline I8 splat(std::int32_t v) noexcept { return I8{v, v, v, v, v, v, v, v}; }

inline F8 min(F8 a, F8 b) noexcept { return a < b ? a : b; }
inline F8 max(F8 a, F8 b) noexcept { return a > b ? a : b; }
inline F8 abs(F8 a) noexcept {
  return reinterpret_cast<F8>(reinterpret_cast<I8>(a) & splat(std::int32_t{0x7fffffff}));
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
/// Towards zero. |a| < 2^31.
inline I8 truncate(F8 a) noexcept { return __builtin_convertvector(a, I8); }
inline F8 to_float(I8 a) noexcept { return __builtin_convertvector(a, F8); }
/// To the nearest integer, ties to even. |a| < 2^22.
inline F8 round(F8 a) noexcept {
  const F8 magic = splat(0x1.8p23f);
  return (a + magic) - magic;
}

/// table[index mod 8] of each lane.
inline F8 pick(F8 table, I8 index) noexcept {
#if defined(__clang__)
  F8 out{};
  for (int i = 0; i < 8; ++i) out[i] = table[index[i] & 7];
  return out;
#else
  return __builtin_shuffle(table, index);
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

/// Sum in lane order, in double.
inline double sum(F8 a) noexcept {
  double s = 0;
  for (int i = 0; i < 8; ++i) s += static_cast<double>(a[i]);
  return s;
}

}  // namespace quant::lanes
