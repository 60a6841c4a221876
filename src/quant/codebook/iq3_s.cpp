// iq3_s: 3.4375 bits per weight. Four magnitudes are one of 512 grid entries, a sign bit each, a
// 4-bit scale for 32 weights, one f16 scale for 256. Source: docs/spec/types/codebook.md, "IQ3_S".
#include "base/bytes.h"
#include "quant/codebook/grid_codec.h"
#include "quant/codebook/magnitude_search.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kLow = 2, kHigh = 66, kSigns = 74, kScales = 106, kBytes = 110;
using Search = MagnitudeSearch<grid_iq3s, kLevels3s, 32, Signs::free, kRuns3s>;

void decode_block(const std::byte* block, float* out) noexcept {
  const float d = base::load_f16(block);
  for (std::size_t u = 0; u < 64; ++u) {
    const unsigned high = (base::load_u8(block + kHigh + u / 8) >> u % 8) & 1U;
    const unsigned index = base::load_u8(block + kLow + u) + 256 * high;
    const unsigned level = (base::load_u8(block + kScales + u / 16) >> 4 * (u / 8 % 2)) & 15U;
    const unsigned signs = base::load_u8(block + kSigns + u / 2) >> 4 * (u % 2);
    const float scale = d * static_cast<float>(1 + 2 * level);
    put_signed(grid_iq3s.entry(index), 4, scale, signs, out + 4 * u);
  }
}

void encode_block(const BlockInput& in, Effort effort, std::byte* block) noexcept {
  BlockFit<Search, 16> fit;
  const auto codes = fit.run(in, effort);
  if (codes.d == 0) return;
  base::store(block, codes.d);
  for (std::size_t u = 0; u < 64; ++u) {
    const unsigned index = codes.index[u / 8][u % 8];
    base::store_u8(block + kLow + u, index & 255U);
    block[kHigh + u / 8] |= static_cast<std::byte>(index >> 8 << u % 8);
  }
  for (std::size_t v = 0; v < 32; ++v) base::store_u8(block + kSigns + v, in.negative[v]);
  for (std::size_t g = 0; g < 8; ++g) {
    block[kScales + g / 2] |= static_cast<std::byte>(codes.level[g] << 4 * (g % 2));
  }
}

}  // namespace

const Codec iq3_s{.id = 21,
                  .name = "iq3_s",
                  .family = Family::codebook,
                  .block_elems = kSuperBlock,
                  .block_bytes = kBytes,
                  .spec = "docs/spec/types/codebook.md, IQ3_S",
                  .decode = decode_blocks<kBytes, decode_block>,
                  .encode = encode_blocks<kBytes, encode_block, decode_block>,
                  .check = check_f16_at<kBytes, 0>};
}  // namespace quant
