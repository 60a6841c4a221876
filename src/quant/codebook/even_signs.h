// Signs in seven bits: the number of minus signs among eight elements is even.
#pragma once

#include <span>

#include "quant/codebook/block_input.h"

namespace quant {

/// Seven-bit sign code of vector v (elements 8v..8v+7) for the chosen magnitudes (two entries of
/// four or one of eight, one after the other). If the natural signs are odd, the one whose turn
/// costs least is turned.
inline std::uint8_t best_even_signs(const BlockInput& in, std::size_t v,
                                    std::span<const std::int8_t> first,
                                    std::span<const std::int8_t> second = {}) noexcept {
  unsigned mask = in.negative[v];
  if ((__builtin_popcount(mask) & 1) != 0) {
    float least = 0;
    std::size_t turn = 8;
    for (std::size_t k = 0; k < 8; ++k) {
      const std::int8_t m = k < first.size() ? first[k] : second[k - first.size()];
      const float cost = in.weight[8 * v + k] * in.magnitude[8 * v + k] * static_cast<float>(m);
      if (turn == 8 || cost < least) least = cost, turn = k;
    }
    mask ^= 1U << turn;
  }
  return static_cast<std::uint8_t>(mask & 127U);
}

}  // namespace quant
