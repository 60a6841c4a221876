// iq2_xxs: 2.0625 bits per weight. Eight magnitudes are one of 256 grid entries, seven sign bits
// (the number of minus signs is even), a 4-bit scale for 32 weights, one f16 scale for 256.
// Source: docs/spec/types/codebook.md, "IQ2_XXS".
#include "base/bytes.h"
#include "quant/codebook/even_signs.h"
#include "quant/codebook/grid_codec.h"
#include "quant/codebook/magnitude_search.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kBytes = 66;  // f16 scale, then eight groups of four indices and a word
using Search = MagnitudeSearch<grid_iq2xxs, kLevels2, 32, Signs::even>;

void decode_block(const std::byte* block, float* out) noexcept {
  const float d = base::load_f16(block);
  for (std::size_t g = 0; g < 8; ++g) {
    const std::byte* group = block + 2 + 8 * g;
    const std::uint32_t word = base::load_u32(group + 4);
    const float scale = d * (0.5F + static_cast<float>(word >> 28)) * 0.25F;
    for (std::size_t m = 0; m < 4; ++m) {
      put_signed(grid_iq2xxs.entry(base::load_u8(group + m)), 8, scale,
                 even_signs((word >> 7 * m) & 127U), out + 32 * g + 8 * m);
    }
  }
}

void encode_block(const BlockInput& in, Effort effort, std::byte* block) noexcept {
  BlockFit<Search, 16> fit;
  const auto codes = fit.run(in, effort);
  if (codes.d == 0) return;
  base::store(block, codes.d);
  for (std::size_t g = 0; g < 8; ++g) {
    std::byte* group = block + 2 + 8 * g;
    std::uint32_t word = std::uint32_t{codes.level[g]} << 28;
    for (std::size_t m = 0; m < 4; ++m) {
      base::store_u8(group + m, codes.index[g][m]);
      const auto entry = std::span(grid_iq2xxs.entry(codes.index[g][m]), 8);
      word |= std::uint32_t{best_even_signs(in, 4 * g + m, entry)} << 7 * m;
    }
    base::store(group + 4, word);
  }
}

}  // namespace

const Codec iq2_xxs{.id = 16,
                    .name = "iq2_xxs",
                    .family = Family::codebook,
                    .block_elems = kSuperBlock,
                    .block_bytes = kBytes,
                    .needs_importance = true,
                    .spec = "docs/spec/types/codebook.md, IQ2_XXS",
                    .decode = decode_blocks<kBytes, decode_block>,
                    .encode = encode_blocks<kBytes, encode_block, decode_block>,
                    .check = check_f16_at<kBytes, 0>};
}  // namespace quant
