// What the BitNet formats share: one scale a row, levels -1, 0, 1.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "quant/codebook/block_input.h"
#include "quant/codec.h"
#include "quant/ternary/level_sweep.h"

namespace quant {

/// The magnitude of a row of nothing but -a, 0 and a, as all weights are that these formats were
/// made for; 0 of other rows and of zeros.
inline float only_magnitude(std::span<const float> x) noexcept {
  const auto magnitude = [](float v) { return std::bit_cast<std::int32_t>(v) & 0x7fffffff; };
  std::int32_t largest = 0, others = 0;
  for (const float v : x) largest = std::max(largest, magnitude(v));
  for (const float v : x) {
    const std::int32_t m = magnitude(v);
    others |= static_cast<std::int32_t>(m != largest) & static_cast<std::int32_t>(m != 0);
  }
  return others == 0 ? std::bit_cast<float>(largest) : 0.0F;
}

/// Digits of a row of -a, 0, a.
inline void signs_to_digits(std::span<const float> x, std::span<std::uint8_t> digits) noexcept {
  for (std::size_t i = 0; i < x.size(); ++i) {
    digits[i] =
        static_cast<std::uint8_t>(1 + static_cast<int>(x[i] > 0) - static_cast<int>(x[i] < 0));
  }
}

/// Scales and digits of rows.
class BitnetRows {
 public:
  BitnetRows(const EncodeInput& in, float (*round_scale)(double))
      : round_scale_(round_scale), importance_(in.importance), digits_(in.cols) {}

  /// The scale as it will be read; the digits follow in digits().
  float encode(std::span<const float> x) {
    if (const float a = only_magnitude(x); a > 0) {
      const float d = round_scale_(static_cast<double>(a));
      // Else the scale is so small that it was rounded up to more than twice, or to zero.
      if (d > 0 && d < 2 * a) {
        signs_to_digits(x, digits_);
        return d;
      }
    }
    return search(x);
  }
  std::span<const std::uint8_t> digits() const noexcept { return digits_; }

 private:
  float search(std::span<const float> x) {
    if (weights_.empty()) weights_ = objective_weights(importance_, x.size());
    decoded_.resize(x.size());
    const float d = round_scale_(best_scale(x, weights_, TopLevel::one));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const int level = nearest_level(x[i], d, TopLevel::one);
      digits_[i] = static_cast<std::uint8_t>(level + 1);
      decoded_[i] = d * static_cast<float>(level);
    }
    const float* importance = importance_.empty() ? nullptr : importance_.data();
    if (!worse_than_zero(x.data(), decoded_.data(), importance, x.size())) return d;
    std::ranges::fill(digits_, std::uint8_t{1});
    return 0;
  }

  float (*round_scale_)(double);
  std::span<const float> importance_;
  std::vector<double> weights_;  // made when they are needed
  std::vector<std::uint8_t> digits_;
  std::vector<float> decoded_;
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
