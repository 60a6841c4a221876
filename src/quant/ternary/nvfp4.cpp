// nvfp4: 4-bit floats, 16 weights share an unsigned 8-bit float scale; 4.5 bits per weight.
// Source: docs/spec/types/basic.md, "NVFP4".
#include <limits>

#include "quant/registry.h"
#include "quant/ternary/block_codec.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 64, kSub = 16, kCodes = 4, kBytes = 36;
/// Twice the values of the codes 0..7; bit 3 of a code is the sign.
constexpr std::array<float, 8> kDoubled = {0, 1, 2, 3, 4, 6, 8, 12};
constexpr int kTopScale = 0x7e;

/// Half of the scale that a byte stands for: E4M3 without sign, 0x7f means 0.
float half_scale(unsigned byte) noexcept {
  if (byte == 0 || byte == 0x7f) return 0;
  const int exponent = static_cast<int>((byte >> 3) & 15U);
  const float mantissa = static_cast<float>(byte & 7U);
  const float scale =
      exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(1 + mantissa / 8, exponent - 7);
  return 0.5F * scale;
}

void decode_block(const std::byte* block, float* out) {
  for (std::size_t i = 0; i < kElems; ++i) {
    const std::size_t sub = i / kSub, j = i % kSub;
    const unsigned byte = base::load_u8(block + kCodes + 8 * sub + j % 8);
    const unsigned code = (byte >> 4 * (j / 8)) & 15U;
    const float value = kDoubled[code & 7U] * half_scale(base::load_u8(block + sub));
    out[i] = (code & 8U) != 0 && (code & 7U) != 0 ? -value : value;
  }
}

/// Nearest code; never 8, the minus zero.
unsigned nearest_code(float x, float half) noexcept {
  const float magnitude = std::fabs(x);
  unsigned code = 0;
  while (code < 7 && magnitude > 0.5F * (kDoubled[code] + kDoubled[code + 1]) * half) ++code;
  return code != 0 && x < 0 ? code | 8U : code;
}

double error_at(std::span<const float> x, std::span<const double> w, float half) noexcept {
  double error = 0;
  for (std::size_t i = 0; i < kSub; ++i) {
    const float y = kDoubled[nearest_code(x[i], half) & 7U] * half;
    const double difference = static_cast<double>(std::fabs(x[i])) - static_cast<double>(y);
    error += w[i] * difference * difference;
  }
  return error;
}

/// Scale byte of 16 weights: the best of those near the one that maps the peak to the top code.
unsigned best_scale_byte(std::span<const float> x, std::span<const double> w) noexcept {
  float peak = 0;
  for (const float v : x) peak = std::max(peak, std::fabs(v));
  int fitting = 0;
  while (fitting < kTopScale && 12 * half_scale(static_cast<unsigned>(fitting)) < peak) ++fitting;
  constexpr int kReach = 6;
  double least = std::numeric_limits<double>::infinity();
  unsigned best = 0;
  for (int c = std::max(0, fitting - kReach); c <= std::min(kTopScale, fitting + kReach); ++c) {
    const double error = error_at(x, w, half_scale(static_cast<unsigned>(c)));
    if (error < least) least = error, best = static_cast<unsigned>(c);
  }
  return best;
}

void encode_block(std::span<const float> x, std::span<const double> w, std::byte* block) {
  for (std::size_t sub = 0; sub < kElems / kSub; ++sub) {
    const auto part = x.subspan(sub * kSub, kSub);
    const unsigned scale = best_scale_byte(part, w.subspan(sub * kSub, kSub));
    base::store_u8(block + sub, scale);
    for (std::size_t j = 0; j < 8; ++j) {
      const unsigned low = nearest_code(part[j], half_scale(scale));
      const unsigned high = nearest_code(part[8 + j], half_scale(scale));
      base::store_u8(block + kCodes + 8 * sub + j, low | high << 4);
    }
  }
}

/// Scale bytes have no sign; programs disagree on what one with its top bit set means.
std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    for (std::size_t sub = 0; sub < kElems / kSub; ++sub) {
      if (base::load_u8(in.data() + b * kBytes + sub) > 0x7f) {
        return BadBlock{.block = b, .offset = b * kBytes + sub, .what = "scale has a sign bit"};
      }
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec nvfp4{.id = 40,
                  .name = "nvfp4",
                  .family = Family::nonlinear,
                  .readers = Readers::mainline_only,
                  .block_elems = kElems,
                  .block_bytes = kBytes,
                  .spec = "docs/spec/types/basic.md, NVFP4",
                  .decode = decode_each<kElems, kBytes, decode_block>,
                  .encode = encode_each<kElems, kBytes, encode_block, decode_block>,
                  .check = check};
}  // namespace quant
