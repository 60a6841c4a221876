// What the trellis formats share around their rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quant/codebook/block_input.h"
#include "quant/codec.h"
#include "quant/trellis/row_input.h"

namespace quant {

/// A computed codebook of `n` entries of `dim` values, entry after entry.
std::vector<std::int8_t> trellis_codebook(std::size_t n, std::size_t dim, std::uint32_t offset,
                                          bool magnitudes);

/// The f32 row scale in front of a row must be finite, and not so large that values overflow.
std::optional<BadBlock> check_row_scale(std::span<const std::byte> in, int top_level) noexcept;
/// Makes a row scale that is too large the largest that is not.
void limit_row_scale(std::span<std::byte> row, int top_level) noexcept;
template <int TopLevel>
std::optional<BadBlock> check_trellis_row(std::span<const std::byte> in, std::size_t) noexcept {
  return check_row_scale(in, TopLevel);
}

template <void (*DecodeRow)(const std::byte*, std::size_t, float*) noexcept>
void decode_trellis_row(std::span<const std::byte> in, std::size_t cols,
                        std::span<float> out) noexcept {
  DecodeRow(in.data(), cols, out.data());
}

/// EncodeRow gets a zeroed row (which decodes to zeros) and an input that is not zero.
template <std::size_t Bytes, int TopLevel,
          void (*EncodeRow)(const float*, const RowInput&, Effort, std::byte*),
          void (*DecodeRow)(const std::byte*, std::size_t, float*) noexcept>
void encode_trellis_rows(const EncodeInput& in, std::span<std::byte> out) {
  std::fill(out.begin(), out.end(), std::byte{0});
  const std::size_t row_bytes = 4 + in.cols / kSuperBlock * Bytes;
  std::vector<float> decoded(in.cols);
  for (std::size_t r = 0; r < in.rows; ++r) {
    const RowInput input = prepare_row(in, r);
    if (input.zero) continue;
    std::byte* row = out.data() + r * row_bytes;
    EncodeRow(in.row(r), input, in.effort, row);
    limit_row_scale({row, row_bytes}, TopLevel);
    DecodeRow(row, in.cols, decoded.data());
    const float* importance = in.importance.empty() ? nullptr : in.importance.data();
    if (worse_than_zero(in.row(r), decoded.data(), importance, in.cols)) {
      std::fill_n(row, row_bytes, std::byte{0});
    }
  }
}

}  // namespace quant
