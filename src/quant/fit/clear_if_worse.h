// What encoders whose search cannot promise it do to keep the promise of worse_than_zero.h.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "quant/codec.h"
#include "quant/fit/worse_than_zero.h"

namespace quant {

/// Zeros for the N weights of `block`, whose bytes 0 must decode to zeros, if it is worse than
/// they.
template <std::size_t N>
void clear_if_worse(decltype(Codec::decode) decode, const float* x, const float* importance,
                    std::span<std::byte> block) noexcept {
  std::array<float, N> y;
  decode(block, N, y);
  if (worse_than_zero(x, y.data(), importance, N)) std::ranges::fill(block, std::byte{0});
}

}  // namespace quant
