// iq2_ks: 256 weights in 8 sub-blocks of 32, 4 levels, 5-bit scales, one f16 scale a row;
// 2.1875 bits per weight.
// Source: docs/spec/types/iqk.md, section 5.
#include <algorithm>

#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/level_fit.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kHalves = 0, kFifth = 1, kScales = 2, kLow = 6, kBytes = 70;

void pack(const LevelBlock& from, std::byte* block) noexcept {
  std::fill_n(block, kBytes, std::byte{0});
  for (std::size_t b = 0; b < 8; ++b) {
    const auto s = static_cast<std::uint32_t>(from.scale[b] + 16);
    put_bits(block + kHalves, from.half[b], b);
    put_bits(block + kFifth, s >> 4, b);
    put_bits(block + kScales + b / 2, s & 15U, 4 * (b % 2));
  }
  for (std::size_t i = 0; i < 256; ++i) {
    put_bits(block + kLow + 32 * (i / 128) + i % 32, from.code[i], 2 * (i / 32 % 4));
  }
}

void unpack(const std::byte* block, LevelBlock& to) noexcept {
  for (std::size_t b = 0; b < 8; ++b) {
    const std::uint32_t s =
        get_bits(block + kScales + b / 2, 4 * (b % 2), 4) | get_bits(block + kFifth, b, 1) << 4;
    to.scale[b] = static_cast<std::int16_t>(static_cast<int>(s) - 16);
    to.half[b] = static_cast<std::uint8_t>(get_bits(block + kHalves, b, 1));
  }
  for (std::size_t i = 0; i < 256; ++i) {
    to.code[i] = static_cast<std::uint8_t>(
        get_bits(block + kLow + 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2));
  }
}

constexpr LevelFormat kFormat{.kernel = &kernel_t2,
                              .sub_elems = 32,
                              .scales = {.min = -16, .max = 15},
                              .scope = LevelFormat::Scope::row,
                              .trials = 4,
                              .fast_trials = 4,
                              .commons = 8,
                              .rounds = 1,
                              .block_bytes = kBytes,
                              .pack = pack,
                              .unpack = unpack};
}  // namespace

const Codec iq2_ks = level_codec<kFormat>(145, "iq2_ks", Family::iqk, Readers::ik_only,
                                          "docs/spec/types/iqk.md, section 5");
}  // namespace quant
