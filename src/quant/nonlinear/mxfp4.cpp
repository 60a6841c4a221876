// mxfp4: 32 weights share one power of two, codes are E2M1 floats; 4.25 bits per weight. Source:
// docs/spec/types/basic.md, MXFP4.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "quant/iqk/bits.h"
#include "quant/iqk/tile.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 32;
constexpr std::size_t kBytes = 1 + kElems / 2;  // exponent, then nibbles: j low, j + 16 high
// Twice the E2M1 values, without sign; bit 3 of a code is the sign. Minus zero decodes to zero.
constexpr std::array<float, 8> kMagnitude{0, 1, 2, 3, 4, 6, 8, 12};
constexpr int kBias = 128;  // of the halved scale

float level(std::uint32_t code) noexcept {
  return code > 8 ? -kMagnitude[code & 7U] : kMagnitude[code & 7U];
}

float scale_of(std::uint32_t exponent) noexcept {
  return std::ldexp(1.0F, static_cast<int>(exponent) - kBias);
}

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    const float scale = scale_of(base::load_u8(block));
    for (std::size_t j = 0; j < kElems; ++j) {
      out[b * kElems + j] = level(get_bits(block + 1 + j % 16, 4 * (j / 16), 4)) * scale;
    }
  }
}

/// x in units of a scale, magnitudes only.
using Scaled = std::array<float, kElems>;

Scaled in_units(const float* x, std::uint32_t exponent) noexcept {
  const double inverse = std::ldexp(1.0, kBias - static_cast<int>(exponent));
  Scaled out;
  for (std::size_t j = 0; j < kElems; ++j) {
    // 1e30 is far beyond the last level, and its square is finite.
    const double magnitude = std::fabs(static_cast<double>(x[j])) * inverse;
    out[j] = static_cast<float>(std::min(magnitude, 1e15));
  }
  return out;
}

/// Index of the nearest magnitude; ties to the smaller.
std::uint32_t nearest(float a) noexcept {
  std::uint32_t code = 0;
  for (const float middle : {0.5F, 1.5F, 2.5F, 3.5F, 5.0F, 7.0F, 10.0F}) code += a > middle ? 1 : 0;
  return code;
}

double error_of(const float* x, const float* v, std::uint32_t exponent) noexcept {
  const Scaled units = in_units(x, exponent);
  float error = 0;
  for (std::size_t j = 0; j < kElems; ++j) {
    const float off = units[j] - kMagnitude[nearest(units[j])];
    error += v[j] * off * off;
  }
  return std::ldexp(static_cast<double>(error), 2 * static_cast<int>(exponent));
}

/// Exponent with the least weighted error among those around the largest magnitude.
std::uint32_t best_exponent(const float* x, const float* v, float peak) noexcept {
  // Above 252 the largest levels overflow.
  const int around = std::clamp(std::ilogb(peak) - 2 + 127, 0, 252);
  auto best = static_cast<std::uint32_t>(around);
  double least = error_of(x, v, best);
  for (int e = std::max(around - 2, 0); e <= std::min(around + 1, 252); ++e) {
    const double error = error_of(x, v, static_cast<std::uint32_t>(e));
    if (error < least) {
      least = error;
      best = static_cast<std::uint32_t>(e);
    }
  }
  return best;
}

void encode_block(const float* x, const float* v, std::byte* block) noexcept {
  std::fill_n(block, kBytes, std::byte{0});
  float peak = 0;
  for (std::size_t j = 0; j < kElems; ++j) peak = std::max(peak, std::fabs(x[j]));
  if (peak == 0) return;
  const std::uint32_t exponent = best_exponent(x, v, peak);
  const Scaled units = in_units(x, exponent);
  base::store_u8(block, exponent);
  for (std::size_t j = 0; j < kElems; ++j) {
    const std::uint32_t code = nearest(units[j]);
    put_bits(block + 1 + j % 16, x[j] < 0 && code != 0 ? code | 8U : code, 4 * (j / 16));
  }
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  const std::vector<float> v = scaled_importance(in.importance, in.cols);
  for (std::size_t b = 0; b < in.rows * in.cols / kElems; ++b) {
    encode_block(in.x.data() + b * kElems, v.data() + b * kElems % in.cols,
                 out.data() + b * kBytes);
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    std::array<float, kElems> y;
    decode(in.subspan(b * kBytes, kBytes), kElems, y);
    if (!std::all_of(y.begin(), y.end(), [](float w) { return std::isfinite(w); })) {
      return BadBlock{.block = b, .offset = b * kBytes, .what = "a weight overflows"};
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec mxfp4{.id = 39,
                  .name = "mxfp4",
                  .family = Family::nonlinear,
                  .block_elems = kElems,
                  .block_bytes = kBytes,
                  .spec = "docs/spec/types/basic.md, MXFP4",
                  .decode = decode,
                  .encode = encode,
                  .check = check};
}  // namespace quant
