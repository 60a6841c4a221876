// iq2_xs: 2.3125 bits per weight. Eight magnitudes are one of 512 grid entries, seven sign bits
// (the number of minus signs is even), a 4-bit scale for 16 weights, one f16 scale for 256.
// Source: docs/spec/types/codebook.md, "IQ2_XS".
#include "base/bytes.h"
#include "quant/codebook/even_signs.h"
#include "quant/codebook/grid_codec.h"
#include "quant/codebook/magnitude_search.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kWords = 2, kScales = 66, kBytes = 74;
using Search = MagnitudeSearch<grid_iq2xs, kLevels2, 16, Signs::even>;

void decode_block(const std::byte* block, float* out) noexcept {
  const float d = base::load_f16(block);
  for (std::size_t v = 0; v < 32; ++v) {
    const unsigned word = base::load_u16(block + kWords + 2 * v);
    const unsigned level = (base::load_u8(block + kScales + v / 4) >> 4 * (v / 2 % 2)) & 15U;
    const float scale = d * (0.5F + static_cast<float>(level)) * 0.25F;
    put_signed(grid_iq2xs.entry(word & 511U), 8, scale, even_signs(word >> 9), out + 8 * v);
  }
}

void encode_block(const BlockInput& in, Effort effort, std::byte* block) noexcept {
  BlockFit<Search, 16> fit;
  const auto codes = fit.run(in, effort);
  if (codes.d == 0) return;
  base::store(block, codes.d);
  for (std::size_t v = 0; v < 32; ++v) {
    const unsigned index = codes.index[v / 2][v % 2];
    const unsigned signs = best_even_signs(in, v, std::span(grid_iq2xs.entry(index), 8));
    base::store(block + kWords + 2 * v, static_cast<std::uint16_t>(index | signs << 9));
  }
  for (std::size_t g = 0; g < 16; ++g) {
    block[kScales + g / 2] |= static_cast<std::byte>(codes.level[g] << 4 * (g % 2));
  }
}

}  // namespace

const Codec iq2_xs{.id = 17,
                   .name = "iq2_xs",
                   .family = Family::codebook,
                   .block_elems = kSuperBlock,
                   .block_bytes = kBytes,
                   .needs_importance = true,
                   .spec = "docs/spec/types/codebook.md, IQ2_XS",
                   .decode = decode_blocks<kBytes, decode_block>,
                   .encode = encode_blocks<kBytes, encode_block, decode_block>,
                   .check = check_f16_at<kBytes, 0>};
}  // namespace quant
