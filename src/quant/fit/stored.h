// Scales as a file keeps them: rounded to f16, finite, and back in the tile's units.
#pragma once

#include <algorithm>

#include "base/half.h"
#include "quant/fit/tile.h"

namespace quant::fit {

/// kLanes f16 numbers and what they mean in the units of a tile.
struct StoredScales {
  std::uint16_t bits[kLanes];
  Lanes value;
};

inline std::uint16_t finite_f16(float v) noexcept {
  return base::f32_to_f16(std::clamp(v, -65504.0f, 65504.0f));
}

/// The f16 nearest to each lane; beyond its range the largest.
inline void to_f16(Lanes v, std::uint16_t (&bits)[kLanes]) noexcept {
  v = clamp(v, -65504.0f, 65504.0f);
#if defined(__F16C__)
  const auto store_half = [&](Half half, std::size_t at) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bits + at),
                     _mm256_cvtps_ph(half, _MM_FROUND_TO_NEAREST_INT));
  };
  store_half(v.lo, 0);
  store_half(v.hi, kLanes / 2);
#else
  alignas(64) float values[kLanes];
  store(values, v);
  for (std::size_t l = 0; l < kLanes; ++l) bits[l] = base::f32_to_f16(values[l]);
#endif
}

inline Lanes from_f16(const std::uint16_t (&bits)[kLanes]) noexcept {
#if defined(__F16C__)
  const auto half = [&](std::size_t at) -> Half {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bits + at)));
  };
  return {half(0), half(kLanes / 2)};
#else
  alignas(64) float values[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) values[l] = base::f16_to_f32(bits[l]);
  return load(values);
#endif
}

inline StoredScales stored(const std::uint16_t (&bits)[kLanes], const float* unit) noexcept {
  StoredScales s;
  std::copy_n(bits, kLanes, s.bits);
  s.value = from_f16(bits) / load(unit);
  return s;
}

/// The nearest f16 of each scale, `step` representable numbers further from zero.
inline StoredScales store_scales(Lanes scale, const float* unit, int step) noexcept {
  std::uint16_t bits[kLanes];
  to_f16(scale * load(unit), bits);
  for (std::uint16_t& b : bits) {
    const int moved = (b & 0x7fff) + step;
    b = static_cast<std::uint16_t>((b & 0x8000) | std::clamp(moved, 0, 0x7bff));
  }
  return stored(bits, unit);
}

/// The nearest f16 of each super-scale; where that would be 0 the smallest f16 of the same sign, as
/// the integers below it can still be small.
inline StoredScales store_super_scales(Lanes scale, const float* unit) noexcept {
  StoredScales s = store_scales(scale, unit, 0);
  alignas(64) float wanted[kLanes];
  store(wanted, scale);
  for (std::size_t l = 0; l < kLanes; ++l) {
    if ((s.bits[l] & 0x7fff) == 0 && wanted[l] != 0) s.bits[l] |= 1;
  }
  return stored(s.bits, unit);
}

/// Lane by lane: m ? a : b.
inline StoredScales select(Mask m, const StoredScales& a, const StoredScales& b) noexcept {
  alignas(64) float picked[kLanes];
  store(picked, select(m, all(1), all(0)));
  StoredScales s;
  for (std::size_t l = 0; l < kLanes; ++l) s.bits[l] = picked[l] > 0 ? a.bits[l] : b.bits[l];
  s.value = select(m, a.value, b.value);
  return s;
}

}  // namespace quant::fit
