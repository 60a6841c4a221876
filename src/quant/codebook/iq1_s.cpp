// iq1_s: 1.5625 bits per weight. Eight weights are one of 2048 ternary grid entries; 32 share a
// 3-bit scale and a shift of all their values by +1/8 or -1/8; one f16 scale for 256.
// Source: docs/spec/types/codebook.md, "IQ1_S".
#include "base/bytes.h"
#include "quant/codebook/grid_codec.h"
#include "quant/codebook/ternary_search.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kLow = 2, kWords = 34, kBytes = 50;
using Search = TernarySearch<32, DeltaFor::group>;

void decode_block(const std::byte* block, float* out) noexcept {
  const float d = base::load_f16(block);
  for (std::size_t v = 0; v < 32; ++v) {
    const unsigned word = base::load_u16(block + kWords + 2 * (v / 4));
    const unsigned index = base::load_u8(block + kLow + v) + 256 * ((word >> 3 * (v % 4)) & 7U);
    const float scale = d * static_cast<float>(2 * ((word >> 12) & 7U) + 1);
    put_shifted(grid_iq1s.entry(index), scale, word >> 15 != 0 ? -kDelta : kDelta, out + 8 * v);
  }
}

void encode_block(const BlockInput& in, Effort effort, std::byte* block) noexcept {
  BlockFit<Search, 8> fit;
  const auto codes = fit.run(in, effort);
  if (codes.d == 0) return;
  base::store(block, codes.d);
  for (std::size_t g = 0; g < 8; ++g) {
    unsigned word = unsigned{codes.level[g]} << 12 | unsigned{codes.index[g][0]} >> 11 << 15;
    for (std::size_t m = 0; m < 4; ++m) {
      const unsigned index = codes.index[g][m] & 2047U;
      base::store_u8(block + kLow + 4 * g + m, index & 255U);
      word |= index >> 8 << 3 * m;
    }
    base::store(block + kWords + 2 * g, static_cast<std::uint16_t>(word));
  }
}

}  // namespace

const Codec iq1_s{.id = 19,
                  .name = "iq1_s",
                  .family = Family::codebook,
                  .block_elems = kSuperBlock,
                  .block_bytes = kBytes,
                  .needs_importance = true,
                  .spec = "docs/spec/types/codebook.md, IQ1_S",
                  .decode = decode_blocks<kBytes, decode_block>,
                  .encode = encode_blocks<kBytes, encode_block, decode_block>,
                  .check = check_f16_at<kBytes, 0>};
}  // namespace quant
