// What the BitNet formats share: one scale a row, levels -1, 0, 1.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/codebook/block_input.h"
#include "quant/codec.h"
#include "quant/ternary/level_sweep.h"

namespace quant {

/// Encodes rows of `Meta` bytes and blocks of `Bytes` for 64 weights. PackRow(row, d, digits)
/// stores the scale and the digits 0..2; RoundScale gives the scale as it will be read.
template <std::size_t Meta, std::size_t Bytes, float (*RoundScale)(double),
          void (*PackRow)(std::byte*, float, std::span<const std::uint8_t>)>
void encode_bitnet(const EncodeInput& in, std::span<std::byte> out) {
  const std::size_t row_bytes = Meta + in.cols / 64 * Bytes;
  const std::vector<double> w = objective_weights(in.importance, in.cols);
  const float* importance = in.importance.empty() ? nullptr : in.importance.data();
  std::vector<std::uint8_t> digits(in.cols);
  std::vector<float> decoded(in.cols);
  for (std::size_t r = 0; r < in.rows; ++r) {
    const auto x = std::span(in.row(r), in.cols);
    float d = RoundScale(best_scale(x, w, TopLevel::one));
    for (std::size_t i = 0; i < in.cols; ++i) {
      const int level = nearest_level(x[i], d, TopLevel::one);
      digits[i] = static_cast<std::uint8_t>(level + 1);
      decoded[i] = d * static_cast<float>(level);
    }
    if (worse_than_zero(x.data(), decoded.data(), importance, in.cols)) {
      d = 0;
      std::ranges::fill(digits, std::uint8_t{1});
    }
    PackRow(out.data() + r * row_bytes, d, digits);
  }
}

}  // namespace quant
