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

inline StoredScales stored(const std::uint16_t (&bits)[kLanes], const float* unit) noexcept {
  StoredScales s;
  alignas(64) float value[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) {
    s.bits[l] = bits[l];
    value[l] = base::f16_to_f32(bits[l]) / unit[l];
  }
  s.value = load(value);
  return s;
}

/// The nearest f16 of each scale, `step` representable numbers further from zero.
inline StoredScales store_scales(Lanes scale, const float* unit, int step) noexcept {
  alignas(64) float real[kLanes];
  store(real, scale * load(unit));
  std::uint16_t bits[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) {
    const int nearest_bits = finite_f16(real[l]);
    const int moved = (nearest_bits & 0x7fff) + step;
    bits[l] = static_cast<std::uint16_t>((nearest_bits & 0x8000) | std::clamp(moved, 0, 0x7bff));
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
