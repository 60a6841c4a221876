// iq3_xxs: 3.0625 bits per weight. Four magnitudes are one of 256 grid entries, seven sign bits for
// eight weights (the number of minus signs is even), a 4-bit scale for 32, one f16 scale for 256.
// Source: docs/spec/types/codebook.md, "IQ3_XXS".
#include "base/bytes.h"
#include "quant/codebook/even_signs.h"
#include "quant/codebook/grid_codec.h"
#include "quant/codebook/magnitude_search.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kIndices = 2, kWords = 66, kBytes = 98;
using Search = MagnitudeSearch<grid_iq3xxs, kLevels3xxs, 32, Signs::even, kRuns3xxs>;

void decode_block(const std::byte* block, float* out) noexcept {
  const float d = base::load_f16(block);
  for (std::size_t u = 0; u < 64; ++u) {
    const std::uint32_t word = base::load_u32(block + kWords + 4 * (u / 8));
    const float scale = d * (0.5F + static_cast<float>(word >> 28)) * 0.5F;
    const unsigned signs = even_signs((word >> 7 * (u / 2 % 4)) & 127U) >> 4 * (u % 2);
    const unsigned index = base::load_u8(block + kIndices + u);
    put_signed(grid_iq3xxs.entry(index), 4, scale, signs, out + 4 * u);
  }
}

void encode_block(const BlockInput& in, Effort effort, std::byte* block) noexcept {
  BlockFit<Search, 16> fit;
  const auto codes = fit.run(in, effort);
  if (codes.d == 0) return;
  base::store(block, codes.d);
  for (std::size_t g = 0; g < 8; ++g) {
    std::uint32_t word = std::uint32_t{codes.level[g]} << 28;
    for (std::size_t u = 0; u < 8; ++u) {
      base::store_u8(block + kIndices + 8 * g + u, codes.index[g][u]);
    }
    for (std::size_t m = 0; m < 4; ++m) {
      const auto first = std::span(grid_iq3xxs.entry(codes.index[g][2 * m]), 4);
      const auto second = std::span(grid_iq3xxs.entry(codes.index[g][2 * m + 1]), 4);
      word |= std::uint32_t{best_even_signs(in, 4 * g + m, first, second)} << 7 * m;
    }
    base::store(block + kWords + 4 * g, word);
  }
}

}  // namespace

const Codec iq3_xxs{.id = 18,
                    .name = "iq3_xxs",
                    .family = Family::codebook,
                    .block_elems = kSuperBlock,
                    .block_bytes = kBytes,
                    .spec = "docs/spec/types/codebook.md, IQ3_XXS",
                    .decode = decode_blocks<kBytes, decode_block>,
                    .encode = encode_blocks<kBytes, encode_block, decode_block>,
                    .check = check_f16_at<kBytes, 0>};
}  // namespace quant
