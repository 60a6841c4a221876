// Eight floats side by side. The encoders give one sub-block (or one candidate) a lane and never
// add across lanes, so every instruction set computes the same bits; the compiler lowers the
// operations to whatever the target has.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/fit/eight.h"

namespace quant::lanes {

inline constexpr std::size_t kLanes = 8;
using eight::F8, eight::I8, eight::splat, eight::min, eight::max, eight::fused, eight::gather;

inline F8 abs(F8 a) noexcept {
  return reinterpret_cast<F8>(reinterpret_cast<I8>(a) & splat(std::int32_t{0x7fffffff}));
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

/// Whether a comparison holds in any lane.
inline bool any(I8 truth) noexcept {
  std::int32_t all = 0;
  for (int i = 0; i < 8; ++i) all |= truth[i];
  return all != 0;
}

/// Sum in lane order, in double.
inline double sum(F8 a) noexcept {
  double s = 0;
  for (int i = 0; i < 8; ++i) s += static_cast<double>(a[i]);
  return s;
}

}  // namespace quant::lanes
