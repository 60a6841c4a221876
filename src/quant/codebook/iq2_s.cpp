// iq2_s: 2.5625 bits per weight. Eight magnitudes are one of 1024 grid entries, a sign bit each, a
// 4-bit scale for 16 weights, one f16 scale for 256. Source: docs/spec/types/codebook.md, "IQ2_S".
#include "base/bytes.h"
#include "quant/codebook/grid_codec.h"
#include "quant/codebook/magnitude_search.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kLow = 2, kSigns = 34, kHigh = 66, kScales = 74, kBytes = 82;
using Search = MagnitudeSearch<grid_iq2s, kLevels2, 16, Signs::free>;

void decode_block(const std::byte* block, float* out) noexcept {
  const float d = base::load_f16(block);
  for (std::size_t v = 0; v < 32; ++v) {
    const unsigned high = (base::load_u8(block + kHigh + v / 4) >> 2 * (v % 4)) & 3U;
    const unsigned index = base::load_u8(block + kLow + v) + 256 * high;
    const unsigned level = (base::load_u8(block + kScales + v / 4) >> 4 * (v / 2 % 2)) & 15U;
    const float scale = d * (0.5F + static_cast<float>(level)) * 0.25F;
    put_signed(grid_iq2s.entry(index), 8, scale, base::load_u8(block + kSigns + v), out + 8 * v);
  }
}

void encode_block(const BlockInput& in, Effort effort, std::byte* block) noexcept {
  BlockFit<Search, 16> fit;
  const auto codes = fit.run(in, effort);
  if (codes.d == 0) return;
  base::store(block, codes.d);
  for (std::size_t v = 0; v < 32; ++v) {
    const unsigned index = codes.index[v / 2][v % 2];
    base::store_u8(block + kLow + v, index & 255U);
    base::store_u8(block + kSigns + v, in.negative[v]);
    block[kHigh + v / 4] |= static_cast<std::byte>(index >> 8 << 2 * (v % 4));
  }
  for (std::size_t g = 0; g < 16; ++g) {
    block[kScales + g / 2] |= static_cast<std::byte>(codes.level[g] << 4 * (g % 2));
  }
}

}  // namespace

const Codec iq2_s{.id = 22,
                  .name = "iq2_s",
                  .family = Family::codebook,
                  .block_elems = kSuperBlock,
                  .block_bytes = kBytes,
                  .spec = "docs/spec/types/codebook.md, IQ2_S",
                  .decode = decode_blocks<kBytes, decode_block>,
                  .encode = encode_blocks<kBytes, encode_block, decode_block>,
                  .check = check_f16_at<kBytes, 0>};
}  // namespace quant
