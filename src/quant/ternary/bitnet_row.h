// What the BitNet formats share: one scale a row, levels -1, 0, 1.
#pragma once

#include <vector>

#include "quant/codec.h"
#include "quant/ternary/level_sweep.h"

namespace quant {

/// Scales and digits of rows.
class BitnetRows {
 public:
  BitnetRows(const EncodeInput& in, float (*round_scale)(double))
      : round_scale_(round_scale),
        weights_(objective_weights(in.importance, in.cols)),
        digits_(in.cols) {}

  /// The scale as it will be read; the digits follow in digits(). Where a tiny scale was rounded up
  /// to more than twice, all are zeros.
  float encode(std::span<const float> x) {
    const float d = round_scale_(best_scale(x, weights_));
    nearest_levels(x, d, TopLevel::one, digits_);
    return d;
  }
  std::span<const std::uint8_t> digits() const noexcept { return digits_; }

 private:
  float (*round_scale_)(double);
  std::vector<double> weights_;
  std::vector<std::uint8_t> digits_;
};

/// Encodes rows of `Meta` bytes and blocks of `Bytes` for 64 weights. PackRow(row, d, digits)
/// stores the scale and the digits 0..2; RoundScale gives the scale as it will be read.
template <std::size_t Meta, std::size_t Bytes, float (*RoundScale)(double),
          void (*PackRow)(std::byte*, float, std::span<const std::uint8_t>)>
void encode_bitnet(const EncodeInput& in, std::span<std::byte> out) {
  const std::size_t row_bytes = Meta + in.cols / 64 * Bytes;
  BitnetRows rows(in, RoundScale);
  for (std::size_t r = 0; r < in.rows; ++r) {
    const float d = rows.encode({in.row(r), in.cols});
    PackRow(out.data() + r * row_bytes, d, rows.digits());
  }
}

}  // namespace quant
