// What the interleaved grid formats with a row scale share: four f16 scales, then the blocks.
#pragma once

#include <array>
#include <cmath>

#include "base/bytes.h"
#include "quant/codec.h"
#include "quant/trellis/row_codec.h"

namespace quant {

/// EncodeRow(input, effort, k, group) writes row k of a zeroed group (which decodes to zeros).
template <std::size_t R, std::size_t Block, std::size_t Bytes,
          void (*EncodeRow)(const RowInput&, Effort, std::size_t, std::byte*),
          void (*Decode)(std::span<const std::byte>, std::size_t, std::span<float>) noexcept,
          void (*ClearRow)(std::size_t, std::size_t, std::byte*)>
void encode_row_groups(const EncodeInput& in, std::span<std::byte> out) {
  std::fill(out.begin(), out.end(), std::byte{0});
  const std::size_t group_bytes = R * (2 + in.cols / Block * Bytes);
  std::vector<float> decoded(R * in.cols);
  for (std::size_t first = 0; first < in.rows; first += R) {
    const std::span<std::byte> group = out.subspan(first / R * group_bytes, group_bytes);
    for (std::size_t k = 0; k < R; ++k) {
      const RowInput input = prepare_row(in, first + k);
      if (!input.zero) EncodeRow(input, in.effort, k, group.data());
    }
    Decode(group, in.cols, decoded);
    const float* importance = in.importance.empty() ? nullptr : in.importance.data();
    for (std::size_t k = 0; k < R; ++k) {
      if (worse_than_zero(in.row(first + k), decoded.data() + k * in.cols, importance, in.cols)) {
        ClearRow(k, in.cols, group.data());
      }
    }
  }
}

/// The f16 row scales at the start of the group must be finite.
template <std::size_t R>
std::optional<BadBlock> check_row_scales(std::span<const std::byte> in, std::size_t) noexcept {
  for (std::size_t k = 0; k < R; ++k) {
    if (!std::isfinite(base::load_f16(in.data() + 2 * k))) {
      return BadBlock{.block = 0, .offset = 2 * k, .what = "row scale is not finite"};
    }
  }
  return std::nullopt;
}

}  // namespace quant
