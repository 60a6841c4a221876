// tq2_0: levels -1, 0, 1, 2, 256 weights share one f16 scale; 2.0625 bits per weight. Made for
// ternary weights; for others the fourth level and a negative scale help.
// Source: docs/spec/types/basic.md, "TQ2_0".
#include <cstring>

#include "quant/registry.h"
#include "quant/ternary/block_codec.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 256, kScale = 64, kBytes = 66;

constexpr std::size_t byte_of(std::size_t i) noexcept { return 32 * (i / 128) + i % 32; }
constexpr std::size_t shift_of(std::size_t i) noexcept { return 2 * (i / 32 % 4); }

void decode_block(const std::byte* block, float* out) {
  const float d = base::load_f16(block + kScale);
  for (std::size_t i = 0; i < kElems; ++i) {
    const unsigned code = (base::load_u8(block + byte_of(i)) >> shift_of(i)) & 3U;
    out[i] = static_cast<float>(static_cast<int>(code) - 1) * d;
  }
}

void store_block(std::span<const float> x, std::uint16_t bits, std::byte* block) {
  base::store(block + kScale, bits);
  std::array<std::uint8_t, kElems> q;
  nearest_levels(x, base::f16_to_f32(bits), TopLevel::two, q);
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint8_t* from = q.data() + 128 * half;
    std::array<std::uint8_t, 32> packed;
    for (std::size_t j = 0; j < 32; ++j) {
      packed[j] = static_cast<std::uint8_t>(from[j] | from[32 + j] << 2U | from[64 + j] << 4U |
                                            from[96 + j] << 6U);
    }
    std::memcpy(block + 32 * half, packed.data(), packed.size());
  }
}

}  // namespace

const Codec tq2_0{.id = 35,
                  .name = "tq2_0",
                  .family = Family::ternary,
                  .readers = Readers::mainline_only,
                  .block_elems = kElems,
                  .block_bytes = kBytes,
                  .spec = "docs/spec/types/basic.md, TQ2_0",
                  .decode = decode_each<kElems, kBytes, decode_block>,
                  .encode = encode_each<kElems, kBytes, TopLevel::two, store_block>,
                  .check = check_each_f16<kElems, kBytes, kScale>};
}  // namespace quant
