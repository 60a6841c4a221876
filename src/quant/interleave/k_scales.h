// The packed 6-bit scales and mins of q4_K and q5_K and their woven form, pattern K6 of
// docs/spec/types/interleaved.md, section 3. Plain layout: docs/spec/types/basic.md, Q4_K.
#pragma once

#include <cstddef>

namespace quant {

/// Moves scale and min of sub-block `sub` of row `k`: plain bytes 4..15 to woven 16..63.
template <class M>
void move_k_scale(const M& move, std::size_t k, std::size_t sub) noexcept {
  const std::size_t u = 4 * sub + k;
  const std::size_t low = 8 * (32 + u), high = 8 * (16 + u % 16) + 4 * (u / 16);
  if (sub < 4) {
    const std::size_t scale = 8 * (4 + sub), min = 8 * (8 + sub);
    move.bits(k, scale, low, 4);
    move.bits(k, scale + 4, high, 2);
    move.bits(k, min, low + 4, 4);
    move.bits(k, min + 4, high + 2, 2);
  } else {
    const std::size_t both = 8 * (8 + sub);
    move.bits(k, both, low, 8);
    move.bits(k, 8 * sub + 6, high, 2);
    move.bits(k, 8 * (4 + sub) + 6, high + 2, 2);
  }
}

}  // namespace quant
