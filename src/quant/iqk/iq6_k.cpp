// iq6_k: 256 weights in 16 sub-blocks of 16, 64 levels, 8-bit scales, one f16 scale a
// super-block; 6.625 bits per weight. The level table is the format, not the cubic of some
// decoders. Source: docs/spec/types/iqk.md, section 14.
#include <algorithm>

#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/level_fit.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kScaleBytes = 2, kExtra = 2, kScales = 4, kLow = 20, kHigh = 148,
                      kBytes = 212;

void pack(const LevelBlock& from, std::byte* block) noexcept {
  std::fill_n(block + kScaleBytes, kBytes - kScaleBytes, std::byte{0});
  for (std::size_t b = 0; b < 16; ++b) {
    put_bits(block + kExtra + b / 8, from.half[b], b % 8);
    base::store(block + kScales + b, static_cast<std::int8_t>(from.scale[b]));
  }
  for (std::size_t i = 0; i < 256; ++i) {
    put_bits(block + kLow + 32 * (i / 64) + i % 32, bits(from.code[i], 0, 4), 4 * (i / 32 % 2));
    put_bits(block + kHigh + 32 * (i / 128) + i % 32, bits(from.code[i], 4, 2), 2 * (i / 32 % 4));
  }
}

void unpack(const std::byte* block, LevelBlock& to) noexcept {
  for (std::size_t b = 0; b < 16; ++b) {
    to.half[b] = static_cast<std::uint8_t>(get_bits(block + kExtra + b / 8, b % 8, 1));
    to.scale[b] = base::load_i8(block + kScales + b);
  }
  for (std::size_t i = 0; i < 256; ++i) {
    to.code[i] = static_cast<std::uint8_t>(
        get_bits(block + kLow + 32 * (i / 64) + i % 32, 4 * (i / 32 % 2), 4) |
        get_bits(block + kHigh + 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2) << 4);
  }
}

constexpr LevelFormat kFormat{.kernel = &kernel_t6,
                              .sub_elems = 16,
                              .scales = {.min = -127, .max = 127},
                              .narrowest = 0.92F,
                              .widest = 1.06F,
                              .trials = 20,
                              .fast_trials = 16,
                              .commons = 12,
                              .window = 6,
                              .block_bytes = kBytes,
                              .pack = pack,
                              .unpack = unpack};
}  // namespace

const Codec iq6_k = level_codec<kFormat>(141, "iq6_k", Family::iqk, Readers::ik_only,
                                         "docs/spec/types/iqk.md, section 14");
}  // namespace quant
