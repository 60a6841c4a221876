// q4_0 with the levels -7..7 only: weights trained as symmetric 4-bit integers come through without
// loss but for the rounding of the scale. Source: docs/spec/types/basic.md, "Q4_0", option
// "symmetric".
#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "quant/legacy/blocks.h"
#include "quant/registry.h"

namespace quant {
namespace {
using legacy::kElems, legacy::pack_nibbles;

constexpr float kLargestLevel = 7.0F;
constexpr float kLargestHalf = 65504.0F;

void encode_block(const float* x, std::byte* out) noexcept {
  float largest = 0;
  for (std::size_t i = 0; i < kElems; ++i) largest = std::max(largest, std::abs(x[i]));
  const float scale = std::min(largest / kLargestLevel, kLargestHalf);
  const float inverse = scale > 0 ? 1.0F / scale : 0.0F;
  std::uint8_t codes[kElems];
  for (std::size_t i = 0; i < kElems; ++i) {
    // One rounding, as the public program does it: ties fall the same way. A scale below the
    // smallest normal number has an inverse of infinity, and zero times that is no number.
    const float code = std::fma(x[i], inverse, 8.5F);
    codes[i] = static_cast<std::uint8_t>(std::isnan(code) ? 8.0F : std::clamp(code, 1.0F, 15.0F));
  }
  base::store(out, base::f32_to_f16(scale));
  pack_nibbles(codes, out + 2);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  for (std::size_t b = 0; b < in.x.size() / kElems; ++b) {
    encode_block(in.x.data() + b * kElems, out.data() + b * q4_0.block_bytes);
  }
}

}  // namespace

const Codec& symmetric_q4_0() noexcept {
  static const Codec codec = [] {
    Codec c = q4_0;
    c.encode = encode;
    return c;
  }();
  return codec;
}

}  // namespace quant
