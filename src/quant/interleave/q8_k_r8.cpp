// q8_k_r8: 8 rows of signed bytes, one f16 scale for 256 columns of a row; 8.0625 bits per weight.
// It has no plain counterpart in files. Source: docs/spec/types/interleaved.md, section 16.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "quant/iqk/tile.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kRows = 8, kElems = 256, kBytes = 258;
constexpr std::size_t kCodes = 2 * kRows;

std::size_t place(std::size_t k, std::size_t i) noexcept {
  return kCodes + 32 * (i / 4) + 4 * k + i % 4;
}

void decode(std::span<const std::byte> in, std::size_t cols, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    const std::byte* block = in.data() + b * kRows * kBytes;
    for (std::size_t k = 0; k < kRows; ++k) {
      const float scale = base::load_f16(block + 2 * k);
      for (std::size_t i = 0; i < kElems; ++i) {
        out[k * cols + b * kElems + i] =
            scale * static_cast<float>(base::load_i8(block + place(k, i)));
      }
    }
  }
}

float code_of(float x, float inverse) noexcept {
  return std::clamp(std::nearbyint(x * inverse), -127.0F, 127.0F);
}

/// Sum of v (x - y)^2, in units of the scale.
float error_of(const float* x, const float* v, float scale) noexcept {
  const float inverse = 1 / scale;
  float error = 0;
  for (std::size_t i = 0; i < kElems; ++i) {
    const float off = x[i] * inverse - code_of(x[i], inverse);
    error += v[i] * off * off;
  }
  return error;
}

/// Of the f16 around peak / 127 the one of least error.
float best_scale(const float* x, const float* v, float peak, Effort effort) noexcept {
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

void encode_block(const float* x, const float* v, Effort effort, std::size_t k,
                  std::byte* block) noexcept {
  float peak = 0;
  for (std::size_t i = 0; i < kElems; ++i) peak = std::max(peak, std::fabs(x[i]));
  const float scale = best_scale(x, v, peak, effort);
  base::store_f16(block + 2 * k, scale);
  for (std::size_t i = 0; i < kElems; ++i) {
    const float code = scale > 0 ? code_of(x[i], 1 / scale) : 0;
    base::store(block + place(k, i), static_cast<std::int8_t>(code));
  }
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  const std::vector<float> v = scaled_importance(in.importance, in.cols);
  const std::size_t blocks = in.cols / kElems;
  for (std::size_t row = 0; row < in.rows; ++row) {
    std::byte* group = out.data() + row / kRows * kRows * blocks * kBytes;
    for (std::size_t b = 0; b < blocks; ++b) {
      encode_block(in.row(row) + b * kElems, v.data() + b * kElems, in.effort, row % kRows,
                   group + b * kRows * kBytes);
    }
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    for (std::size_t k = 0; k < kRows; ++k) {
      const std::size_t at = b * kRows * kBytes + 2 * k;
      if (!std::isfinite(base::load_f16(in.data() + at))) {
        return BadBlock{.block = b, .offset = at, .what = "scale is not finite"};
      }
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec q8_k_r8{.id = 399,
                    .name = "q8_k_r8",
                    .family = Family::interleave,
                    .readers = Readers::ik_only,
                    .block_elems = kElems,
                    .block_bytes = kBytes,
                    .group_rows = kRows,
                    .spec = "docs/spec/types/interleaved.md, section 16",
                    .decode = decode,
                    .encode = encode,
                    .check = check};
}  // namespace quant
