// q8_k_r8 and q8_k_r16: signed bytes of R rows woven in runs of four columns, one f16 scale for 256
// columns of a row. Their one difference beside R is how a byte stands in the file.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "quant/codec.h"
#include "quant/iqk/tile.h"

namespace quant {

/// `Bias`: what is added to a code before it is stored as a byte.
template <std::size_t R, int Bias>
struct Q8KRows {
  static constexpr std::size_t kElems = 256, kBytes = 258;

  static std::size_t place(std::size_t k, std::size_t i) noexcept {
    return 2 * R + 4 * R * (i / 4) + 4 * k + i % 4;
  }

  /// scale * byte - scale * Bias: exact, and a zero is +0 where there is a bias.
  static void decode(std::span<const std::byte> in, std::size_t cols,
                     std::span<float> out) noexcept {
    for (std::size_t b = 0; b < cols / kElems; ++b) {
      const std::byte* block = in.data() + b * R * kBytes;
      for (std::size_t k = 0; k < R; ++k) {
        const float scale = base::load_f16(block + 2 * k);
        float* y = out.data() + k * cols + b * kElems;
        for (std::size_t i = 0; i < kElems; ++i) {
          if constexpr (Bias == 0) {
            y[i] = scale * static_cast<float>(base::load_i8(block + place(k, i)));
          } else {
            const auto byte = static_cast<float>(base::load_u8(block + place(k, i)));
            y[i] = scale * byte + -static_cast<float>(Bias) * scale;
          }
        }
      }
    }
  }

  static float code_of(float x, float inverse) noexcept {
    return std::clamp(std::nearbyint(x * inverse), -127.0F, 127.0F);
  }

  /// Sum of v (x - y)^2, in units of the scale.
  static float error_of(const float* x, const float* v, float scale) noexcept {
    const float inverse = 1 / scale;
    float error = 0;
    for (std::size_t i = 0; i < kElems; ++i) {
      const float off = x[i] * inverse - code_of(x[i], inverse);
      error += v[i] * off * off;
    }
    return error;
  }

  /// Of the f16 around peak / 127 the one of least error.
  static float best_scale(const float* x, const float* v, float peak, Effort effort) noexcept {
    constexpr int kLargestHalf = 0x7bff;
    const int middle = base::f32_to_f16(std::min(peak / 127, 65504.0F));
    const int around = effort == Effort::best ? 4 : 2;
    float best = 0, least = std::numeric_limits<float>::infinity();
    for (int half = std::max(middle - around, 1); half <= middle + around; ++half) {
      if (half > kLargestHalf) break;
      const float scale = base::f16_to_f32(static_cast<std::uint16_t>(half));
      const float error = error_of(x, v, scale) * scale * scale;
      if (error < least) {
        least = error;
        best = scale;
      }
    }
    return best;
  }

  static void encode_block(const float* x, const float* v, Effort effort, std::size_t k,
                           std::byte* block) noexcept {
    float peak = 0;
    for (std::size_t i = 0; i < kElems; ++i) peak = std::max(peak, std::fabs(x[i]));
    const float scale = best_scale(x, v, peak, effort);
    base::store_f16(block + 2 * k, scale);
    for (std::size_t i = 0; i < kElems; ++i) {
      const float code = scale > 0 ? code_of(x[i], 1 / scale) : 0;
      base::store_u8(block + place(k, i), static_cast<unsigned>(static_cast<int>(code) + Bias));
    }
  }

  static void encode(const EncodeInput& in, std::span<std::byte> out) {
    const std::vector<float> v = scaled_importance(in.importance, in.cols);
    const std::size_t blocks = in.cols / kElems;
    for (std::size_t row = 0; row < in.rows; ++row) {
      std::byte* group = out.data() + row / R * R * blocks * kBytes;
      for (std::size_t b = 0; b < blocks; ++b) {
        encode_block(in.row(row) + b * kElems, v.data() + b * kElems, in.effort, row % R,
                     group + b * R * kBytes);
      }
    }
  }

  static std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
    for (std::size_t b = 0; b < cols / kElems; ++b) {
      for (std::size_t k = 0; k < R; ++k) {
        const std::size_t at = b * R * kBytes + 2 * k;
        if (!std::isfinite(base::load_f16(in.data() + at))) {
          return BadBlock{.block = b, .offset = at, .what = "scale is not finite"};
        }
      }
    }
    return std::nullopt;
  }

  static constexpr Codec codec(std::uint32_t id, std::string_view name,
                               std::string_view spec) noexcept {
    return {.id = id,
            .name = name,
            .family = Family::interleave,
            .readers = Readers::ik_only,
            .block_elems = kElems,
            .block_bytes = kBytes,
            .group_rows = R,
            .spec = spec,
            .decode = decode,
            .encode = encode,
            .check = check};
  }
};

}  // namespace quant
