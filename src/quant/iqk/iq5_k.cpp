// iq5_k: 256 weights in 16 sub-blocks of 16, 32 levels, 6-bit scales, one f16 scale a
// super-block; 5.5 bits per weight.
// Source: docs/spec/types/iqk.md, section 12.
#include <algorithm>

#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/level_fit.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kScaleBytes = 2, kExtra = 2, kScalesHigh = 4, kScalesLow = 8, kLow = 16,
                      kHigh = 144, kBytes = 176;

void pack(const LevelBlock& from, std::byte* block) noexcept {
  std::fill_n(block + kScaleBytes, kBytes - kScaleBytes, std::byte{0});
  for (std::size_t b = 0; b < 16; ++b) {
    put_bits(block + kExtra + b / 8, from.half[b], b % 8);
    const auto s = static_cast<std::uint32_t>(from.scale[b] + 32);
    put_bits(block + kScalesHigh + b / 4, s >> 4, 2 * (b % 4));
    put_bits(block + kScalesLow + b / 2, s & 15U, 4 * (b % 2));
  }
  for (std::size_t i = 0; i < 256; ++i) {
    put_bits(block + kLow + 32 * (i / 64) + i % 32, bits(from.code[i], 0, 4), 4 * (i / 32 % 2));
    put_bits(block + kHigh + i % 32, bits(from.code[i], 4, 1), i / 32);
  }
}

void unpack(const std::byte* block, LevelBlock& to) noexcept {
  for (std::size_t b = 0; b < 16; ++b) {
    to.half[b] = static_cast<std::uint8_t>(get_bits(block + kExtra + b / 8, b % 8, 1));
    const std::uint32_t s = get_bits(block + kScalesLow + b / 2, 4 * (b % 2), 4) |
                            get_bits(block + kScalesHigh + b / 4, 2 * (b % 4), 2) << 4;
    to.scale[b] = static_cast<std::int16_t>(static_cast<int>(s) - 32);
  }
  for (std::size_t i = 0; i < 256; ++i) {
    to.code[i] = static_cast<std::uint8_t>(
        get_bits(block + kLow + 32 * (i / 64) + i % 32, 4 * (i / 32 % 2), 4) |
        get_bits(block + kHigh + i % 32, i / 32, 1) << 4);
  }
}

constexpr LevelFormat kFormat{.kernel = &kernel_t5,
                              .sub_elems = 16,
                              .scales = {.min = -32, .max = 31},
                              .narrowest = 0.85F,
                              .widest = 1.3F,
                              .trials = 10,
                              .fast_trials = 8,
                              .commons = 14,
                              .window = 2,
                              .block_bytes = kBytes,
                              .pack = pack,
                              .unpack = unpack};
}  // namespace

const Codec iq5_k = level_codec<kFormat>(140, "iq5_k", Family::iqk, Readers::ik_only,
                                         "docs/spec/types/iqk.md, section 12");
}  // namespace quant
