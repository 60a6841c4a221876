// q8_0: 32 weights share one f16 scale; 8.5 bits per weight. Source: docs/spec/types/basic.md,
// "Q8_0".
#include <cmath>

#include "base/bytes.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 32;
constexpr std::size_t kBytes = 2 + kElems;  // scale, then 32 signed codes

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    const float scale = base::load_f16(block);
    for (std::size_t i = 0; i < kElems; ++i) {
      out[b * kElems + i] = scale * static_cast<float>(base::load_i8(block + 2 + i));
    }
  }
}

void encode_block(const float* x, std::byte* block) noexcept {
  float peak = 0;
  for (std::size_t i = 0; i < kElems; ++i) peak = std::max(peak, std::fabs(x[i]));
  const float scale = std::min(peak / 127, 65504.0f);  // the largest f16
  const float inverse = peak >= 1e-30f ? 127 / peak : 0;
  base::store_f16(block, scale);
  for (std::size_t i = 0; i < kElems; ++i) {
    base::store_u8(block + 2 + i, static_cast<std::uint32_t>(std::lround(x[i] * inverse)));
  }
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  for (std::size_t b = 0; b < in.rows * in.cols / kElems; ++b) {
    encode_block(in.x.data() + b * kElems, out.data() + b * kBytes);
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    if (!std::isfinite(base::load_f16(in.data() + b * kBytes))) {
      return BadBlock{.block = b, .offset = b * kBytes, .what = "scale is not finite"};
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec q8_0{.id = 8,
                 .name = "q8_0",
                 .family = Family::legacy,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q8_0",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
