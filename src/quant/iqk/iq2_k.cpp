// iq2_k: 256 weights in 16 sub-blocks of 16, 4 levels, 4-bit scales, one f16 scale a
// super-block; 2.375 bits per weight.
// Source: docs/spec/types/iqk.md, section 4.
#include <algorithm>

#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/level_fit.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kScaleBytes = 2, kExtra = 2, kScales = 4, kLow = 12, kBytes = 76;

void pack(const LevelBlock& from, std::byte* block) noexcept {
  std::fill_n(block + kScaleBytes, kBytes - kScaleBytes, std::byte{0});
  for (std::size_t b = 0; b < 16; ++b) {
    put_bits(block + kExtra + b / 8, from.half[b], b % 8);
    put_bits(block + kScales + b / 2, static_cast<std::uint32_t>(from.scale[b] + 8), 4 * (b % 2));
  }
  for (std::size_t i = 0; i < 256; ++i) {
    put_bits(block + kLow + 32 * (i / 128) + i % 32, from.code[i], 2 * (i / 32 % 4));
  }
}

void unpack(const std::byte* block, LevelBlock& to) noexcept {
  for (std::size_t b = 0; b < 16; ++b) {
    to.half[b] = static_cast<std::uint8_t>(get_bits(block + kExtra + b / 8, b % 8, 1));
    const std::uint32_t s = get_bits(block + kScales + b / 2, 4 * (b % 2), 4);
    to.scale[b] = static_cast<std::int16_t>(static_cast<int>(s) - 8);
  }
  for (std::size_t i = 0; i < 256; ++i) {
    to.code[i] = static_cast<std::uint8_t>(
        get_bits(block + kLow + 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2));
  }
}

constexpr LevelFormat kFormat{.kernel = &kernel_t2,
                              .sub_elems = 16,
                              .scales = {.min = -8, .max = 7},
                              .trials = 6,
                              .fast_trials = 5,
                              .commons = 16,
                              .rounds = 1,
                              .block_bytes = kBytes,
                              .pack = pack,
                              .unpack = unpack};
}  // namespace

const Codec iq2_k = level_codec<kFormat>(137, "iq2_k", Family::iqk, Readers::ik_only,
                                         "docs/spec/types/iqk.md, section 4");
}  // namespace quant
