// What the ternary and 1- and 2-bit formats share around their blocks.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/bytes.h"
#include "quant/codec.h"
#include "quant/ternary/level_sweep.h"

namespace quant {

/// Bits of d as an f16 that is finite.
inline std::uint16_t finite_f16(double d) noexcept {
  return base::f32_to_f16(static_cast<float>(std::clamp(d, -65504.0, 65504.0)));
}

template <std::size_t Elems, std::size_t Bytes, void (*DecodeBlock)(const std::byte*, float*)>
void decode_each(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / Elems; ++b) {
    DecodeBlock(in.data() + b * Bytes, out.data() + b * Elems);
  }
}

/// EncodeBlock gets the weights, their objective weights and a zeroed block. Nearest levels, zero
/// among them, are never worse than zeros.
template <std::size_t Elems, std::size_t Bytes,
          void (*EncodeBlock)(std::span<const float>, std::span<const double>, std::byte*)>
void encode_each(const EncodeInput& in, std::span<std::byte> out) {
  std::ranges::fill(out, std::byte{0});
  const std::size_t row_blocks = in.cols / Elems;
  for (std::size_t b = 0; b < row_blocks; ++b) {
    const auto importance =
        in.importance.empty() ? in.importance : in.importance.subspan(b * Elems, Elems);
    const std::vector<double> w = objective_weights(importance, Elems);
    for (std::size_t r = 0; r < in.rows; ++r) {
      EncodeBlock({in.row(r) + b * Elems, Elems}, w, out.data() + (r * row_blocks + b) * Bytes);
    }
  }
}

template <std::size_t Elems, std::size_t Bytes, std::size_t Offset>
std::optional<BadBlock> check_each_f16(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / Elems; ++b) {
    if (!std::isfinite(base::load_f16(in.data() + b * Bytes + Offset))) {
      return BadBlock{.block = b, .offset = b * Bytes + Offset, .what = "scale is not finite"};
    }
  }
  return std::nullopt;
}

}  // namespace quant
