// iq1_m: 1.75 bits per weight. Eight weights are one of 2048 ternary grid entries, shifted by +1/8
// or -1/8; 16 share a 3-bit scale; the f16 scale for 256 is spread over the scale words.
// Source: docs/spec/types/codebook.md, "IQ1_M".
#include "base/bytes.h"
#include "quant/codebook/grid_codec.h"
#include "quant/codebook/ternary_search.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kHigh = 32, kScales = 48, kBytes = 56;
using Search = TernarySearch<16, DeltaFor::vector>;

float block_scale(const std::byte* block) noexcept {
  unsigned bits = 0;
  for (std::size_t j = 0; j < 4; ++j) {
    bits |= unsigned{base::load_u16(block + kScales + 2 * j)} >> 12 << 4 * j;
  }
  return base::f16_to_f32(static_cast<std::uint16_t>(bits));
}

void decode_block(const std::byte* block, float* out) noexcept {
  const float d = block_scale(block);
  for (std::size_t v = 0; v < 32; ++v) {
    const unsigned nibble = (base::load_u8(block + kHigh + v / 2) >> 4 * (v % 2)) & 15U;
    const unsigned index = base::load_u8(block + v) + 256 * (nibble & 7U);
    const unsigned word = base::load_u16(block + kScales + 2 * (v / 8));
    const float scale = d * static_cast<float>(2 * ((word >> 3 * (v / 2 % 4)) & 7U) + 1);
    put_shifted(grid_iq1s.entry(index), scale, (nibble & 8U) != 0 ? -kDelta : kDelta, out + 8 * v);
  }
}

void encode_block(const BlockInput& in, Effort effort, std::byte* block) noexcept {
  BlockFit<Search, 8> fit;
  const auto codes = fit.run(in, effort);
  if (codes.d == 0) return;
  for (std::size_t v = 0; v < 32; ++v) {
    const unsigned index = codes.index[v / 2][v % 2];  // bit 11: delta is negative
    base::store_u8(block + v, index & 255U);
    block[kHigh + v / 2] |= static_cast<std::byte>(index >> 8 << 4 * (v % 2));
  }
  for (std::size_t j = 0; j < 4; ++j) {
    unsigned word = (unsigned{codes.d} >> 4 * j & 15U) << 12;
    for (std::size_t k = 0; k < 4; ++k) word |= unsigned{codes.level[4 * j + k]} << 3 * k;
    base::store(block + kScales + 2 * j, static_cast<std::uint16_t>(word));
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / kSuperBlock; ++b) {
    if (!std::isfinite(block_scale(in.data() + b * kBytes))) {
      return BadBlock{.block = b, .offset = b * kBytes + kScales, .what = "scale is not finite"};
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec iq1_m{.id = 29,
                  .name = "iq1_m",
                  .family = Family::codebook,
                  .block_elems = kSuperBlock,
                  .block_bytes = kBytes,
                  .spec = "docs/spec/types/codebook.md, IQ1_M",
                  .decode = decode_blocks<kBytes, decode_block>,
                  .encode = encode_blocks<kBytes, encode_block, decode_block>,
                  .check = check};
}  // namespace quant
