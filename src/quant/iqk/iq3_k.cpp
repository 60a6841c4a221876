// iq3_k: 256 weights in 16 sub-blocks of 16, 8 levels, odd scales of 4 bits and a sign, one
// f16 scale a super-block; 3.4375 bits per weight.
// Source: docs/spec/types/iqk.md, section 7.
#include <algorithm>

#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/level_fit.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kScaleBytes = 2, kExtra = 2, kSigns = 4, kScales = 6, kLow = 14, kHigh = 78,
                      kBytes = 110;

void pack(const LevelBlock& from, std::byte* block) noexcept {
  std::fill_n(block + kScaleBytes, kBytes - kScaleBytes, std::byte{0});
  for (std::size_t b = 0; b < 16; ++b) {
    put_bits(block + kExtra + b / 8, from.half[b], b % 8);
    const int s = from.scale[b];
    put_bits(block + kSigns + b / 8, s < 0 ? 1 : 0, b % 8);
    put_bits(block + kScales + b / 2, static_cast<std::uint32_t>(std::abs(s) / 2), 4 * (b % 2));
  }
  for (std::size_t i = 0; i < 256; ++i) {
    put_bits(block + kLow + 32 * (i / 128) + i % 32, bits(from.code[i], 0, 2), 2 * (i / 32 % 4));
    put_bits(block + kHigh + i % 32, bits(from.code[i], 2, 1), i / 32);
  }
}

void unpack(const std::byte* block, LevelBlock& to) noexcept {
  for (std::size_t b = 0; b < 16; ++b) {
    to.half[b] = static_cast<std::uint8_t>(get_bits(block + kExtra + b / 8, b % 8, 1));
    const int s = 2 * static_cast<int>(get_bits(block + kScales + b / 2, 4 * (b % 2), 4)) + 1;
    to.scale[b] =
        static_cast<std::int16_t>(get_bits(block + kSigns + b / 8, b % 8, 1) != 0 ? -s : s);
  }
  for (std::size_t i = 0; i < 256; ++i) {
    to.code[i] = static_cast<std::uint8_t>(
        get_bits(block + kLow + 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2) |
        get_bits(block + kHigh + i % 32, i / 32, 1) << 2);
  }
}

constexpr LevelFormat kFormat{.kernel = &kernel_t3,
                              .sub_elems = 16,
                              .scales = {.min = -31, .max = 31, .step = 2},
                              .trials = 6,
                              .fast_trials = 5,
                              .commons = 16,
                              .rounds = 1,
                              .block_bytes = kBytes,
                              .pack = pack,
                              .unpack = unpack};
}  // namespace

const Codec iq3_k = level_codec<kFormat>(138, "iq3_k", Family::iqk, Readers::ik_only,
                                         "docs/spec/types/iqk.md, section 7");
}  // namespace quant
