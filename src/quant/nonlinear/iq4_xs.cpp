// iq4_xs: 256 weights in 8 sub-blocks of 32, 16 levels, 6-bit scales, one f16 scale a super-block;
// 4.25 bits per weight. Source: docs/spec/types/basic.md, IQ4_XS.
#include <algorithm>

#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/level_fit.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kHigh = 2, kLow = 4, kCodes = 8, kBytes = 136;

void pack(const LevelBlock& from, std::byte* block) noexcept {
  std::fill_n(block + kHigh, kBytes - kHigh, std::byte{0});
  for (std::size_t b = 0; b < 8; ++b) {
    const auto s = static_cast<std::uint32_t>(from.scale[b] + 32);
    put_bits(block + kHigh + b / 4, s >> 4, 2 * (b % 4));
    put_bits(block + kLow + b / 2, s & 15, 4 * (b % 2));
  }
  for (std::size_t i = 0; i < 256; ++i) {
    put_bits(block + kCodes + 16 * (i / 32) + i % 16, from.code[i], 4 * (i / 16 % 2));
  }
}

void unpack(const std::byte* block, LevelBlock& to) noexcept {
  for (std::size_t b = 0; b < 8; ++b) {
    const std::uint32_t s = get_bits(block + kLow + b / 2, 4 * (b % 2), 4) |
                            get_bits(block + kHigh + b / 4, 2 * (b % 4), 2) << 4;
    to.scale[b] = static_cast<std::int16_t>(static_cast<int>(s) - 32);
    to.half[b] = 0;
  }
  for (std::size_t i = 0; i < 256; ++i) {
    to.code[i] = static_cast<std::uint8_t>(
        get_bits(block + kCodes + 16 * (i / 32) + i % 16, 4 * (i / 16 % 2), 4));
  }
}

constexpr LevelFormat kFormat{.kernel = &kernel_t4_plain,
                              .sub_elems = 32,
                              .scales = {.min = -32, .max = 31},
                              .trials = 10,
                              .block_bytes = kBytes,
                              .pack = pack,
                              .unpack = unpack};
}  // namespace

const Codec iq4_xs = level_codec<kFormat>(23, "iq4_xs", Family::nonlinear, Readers::both,
                                          "docs/spec/types/basic.md, IQ4_XS");
}  // namespace quant
