// q8_KV: signed bytes with one f32 scale a row, and their sum for kernels that shift one operand;
// 8 bits per weight. Source: docs/spec/types/iqk.md, section 23.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "quant/iqk/tile.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kSum = 4, kMeta = 8;  // scale, sum of the codes, then the codes

void decode(std::span<const std::byte> in, std::size_t cols, std::span<float> out) noexcept {
  const float scale = base::load_f32(in.data());
  for (std::size_t i = 0; i < cols; ++i) {
    out[i] = scale * static_cast<float>(base::load_i8(in.data() + kMeta + i));
  }
}

float code_of(float x, float inverse) noexcept {
  return std::clamp(std::nearbyint(x * inverse), -127.0F, 127.0F);
}

double error_of(std::span<const float> x, const float* v, float scale) noexcept {
  const float inverse = 1 / scale;
  double error = 0;
  for (std::size_t first = 0; first < x.size(); first += 32) {
    float part = 0;
    for (std::size_t i = first; i < first + 32; ++i) {
      const float off = x[i] * inverse - code_of(x[i], inverse);
      part += v[i] * off * off;
    }
    error += static_cast<double>(part);
  }
  return error * static_cast<double>(scale) * static_cast<double>(scale);
}

/// Largest magnitude that the codes reach: saturating a few outliers can pay.
float best_scale(std::span<const float> x, const float* v, float peak, Effort effort) noexcept {
  const int trials = effort == Effort::best ? 24 : 4;
  float best = peak / 127;
  if (!std::isfinite(best * 127)) best = std::nextafter(best, 0.0F);  // rounded up
  if (!(best >= std::numeric_limits<float>::min())) return 0;
  double least = error_of(x, v, best);
  for (int t = 1; t <= trials; ++t) {
    const float scale = peak / 127 * std::exp2(-3.0F * static_cast<float>(t) / 24.0F);
    const double error = error_of(x, v, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

void encode_row(std::span<const float> x, const float* v, Effort effort, std::byte* out) noexcept {
  std::fill_n(out, kMeta + x.size(), std::byte{0});
  float peak = 0;
  for (const float value : x) peak = std::max(peak, std::fabs(value));
  const float scale = best_scale(x, v, peak, effort);
  if (scale == 0) return;
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto code = static_cast<std::int8_t>(code_of(x[i], 1 / scale));
    base::store(out + kMeta + i, code);
    sum += code;
  }
  base::store(out, scale);
  base::store(out + kSum, sum);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  const std::vector<float> v = scaled_importance(in.importance, in.cols);
  for (std::size_t r = 0; r < in.rows; ++r) {
    encode_row({in.row(r), in.cols}, v.data(), in.effort, out.data() + r * (kMeta + in.cols));
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  const float scale = base::load_f32(in.data());
  if (!std::isfinite(scale)) {
    return BadBlock{.block = 0, .offset = 0, .what = "scale is not finite"};
  }
  for (std::size_t i = 0; i < cols; ++i) {
    if (!std::isfinite(scale * static_cast<float>(base::load_i8(in.data() + kMeta + i)))) {
      return BadBlock{.block = i / 32, .offset = kMeta + i, .what = "a weight overflows"};
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec q8_KV{.id = 151,
                  .name = "q8_KV",
                  .family = Family::iqk,
                  .readers = Readers::ik_only,
                  .block_elems = 32,
                  .block_bytes = 32,
                  .row_meta_bytes = kMeta,
                  .spec = "docs/spec/types/iqk.md, section 23",
                  .decode = decode,
                  .encode = encode,
                  .check = check};
}  // namespace quant
