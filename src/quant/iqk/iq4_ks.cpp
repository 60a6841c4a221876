// iq4_ks: 256 weights in 8 sub-blocks of 32, 16 levels, 7-bit odd scales, one f32 scale a row; 4.25
// bits per weight. Source: docs/spec/types/iqk.md, section 10.
#include <algorithm>

#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/level_fit.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kCodes = 8, kBytes = 136;  // scales, then nibbles

void pack(const LevelBlock& from, std::byte* block) noexcept {
  std::fill_n(block, kBytes, std::byte{0});
  for (std::size_t b = 0; b < 8; ++b) {
    base::store_u8(block + b, static_cast<std::uint32_t>(from.scale[b] + 127) | from.half[b]);
  }
  for (std::size_t i = 0; i < 256; ++i) {
    put_bits(block + kCodes + 16 * (i / 32) + i % 16, from.code[i], 4 * (i / 16 % 2));
  }
}

void unpack(const std::byte* block, LevelBlock& to) noexcept {
  for (std::size_t b = 0; b < 8; ++b) {
    const std::uint32_t byte = base::load_u8(block + b);
    to.scale[b] = static_cast<std::int16_t>(static_cast<int>(byte & 254U) - 127);
    to.half[b] = static_cast<std::uint8_t>(byte & 1U);
  }
  for (std::size_t i = 0; i < 256; ++i) {
    to.code[i] = static_cast<std::uint8_t>(
        get_bits(block + kCodes + 16 * (i / 32) + i % 16, 4 * (i / 16 % 2), 4));
  }
}

constexpr LevelFormat kFormat{.kernel = &kernel_t4,
                              .sub_elems = 32,
                              .scales = {.min = -127, .max = 127, .step = 2},
                              .scope = LevelFormat::Scope::row,
                              .f16_scale = false,
                              .fast_trials = 7,
                              .block_bytes = kBytes,
                              .pack = pack,
                              .unpack = unpack};
}  // namespace

const Codec iq4_ks = level_codec<kFormat>(144, "iq4_ks", Family::iqk, Readers::ik_only,
                                          "docs/spec/types/iqk.md, section 10");
}  // namespace quant
