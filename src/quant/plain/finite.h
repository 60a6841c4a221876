#pragma once

#include <cmath>
#include <optional>
#include <span>

#include "quant/codec.h"

namespace quant {

/// First element of a plain row that is NaN or infinite.
template <class Load>
std::optional<BadBlock> first_not_finite(std::span<const std::byte> in, std::size_t cols,
                                         std::size_t stride, Load load) noexcept {
  for (std::size_t i = 0; i < cols; ++i) {
    const float v = load(in.data() + i * stride);
    if (!std::isfinite(v)) {
      return BadBlock{.block = i,
                      .offset = i * stride,
                      .what = std::isnan(v) ? "element is NaN" : "element is infinite"};
    }
  }
  return std::nullopt;
}

}  // namespace quant
