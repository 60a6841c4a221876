// q2_0: levels -1, 0, 1, 2, 64 weights share one f16 scale; 2.25 bits per weight.
// Source: docs/spec/types/basic.md, "Q2_0".
#include <cstring>

#include "quant/codebook/lanes.h"
#include "quant/registry.h"
#include "quant/ternary/block_codec.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 64, kCodes = 2, kBytes = 18;

void decode_block(const std::byte* block, float* out) {
  const float d = base::load_f16(block);
  for (std::size_t i = 0; i < kElems; ++i) {
    const unsigned code = (base::load_u8(block + kCodes + i / 4) >> 2 * (i % 4)) & 3U;
    out[i] = static_cast<float>(static_cast<int>(code) - 1) * d;
  }
}

void store_block(std::span<const float> x, std::uint16_t bits, std::byte* block) {
  base::store(block, bits);
  std::array<std::uint8_t, kElems> q;
  nearest_levels(x, base::f16_to_f32(bits), TopLevel::two, q);
  // Four codes are the bytes of a word; their bits move together in its lowest byte.
  for (std::size_t j = 0; j < kElems / 4; j += kLanes) {
    I8 words;
    std::memcpy(&words, q.data() + 4 * j, sizeof words);
    words |= words >> 6 | words >> 12 | words >> 18;
    for (std::size_t k = 0; k < kLanes; ++k) {
      base::store_u8(block + kCodes + j + k, static_cast<std::uint32_t>(words[k]) & 255U);
    }
  }
}

}  // namespace

const Codec q2_0{.id = 42,
                 .name = "q2_0",
                 .family = Family::ternary,
                 .readers = Readers::mainline_only,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q2_0",
                 .decode = decode_each<kElems, kBytes, decode_block>,
                 .encode = encode_each<kElems, kBytes, TopLevel::two, store_block>,
                 .check = check_each_f16<kElems, kBytes, 0>};
}  // namespace quant
