// iq4_kss: 256 weights in 8 sub-blocks of 32, 16 levels, 7-bit odd scales hidden in the codes, one
// f32 scale a row; 4 bits per weight. The codes of every group of four (columns 2k, 2k + 16, 2k +
// 1, 2k + 17 of a sub-block) have an even number of ones, which frees a bit for the scale byte.
// Source: docs/spec/types/iqk.md, section 11.
#include <algorithm>
#include <bit>

#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/level_fit.h"
#include "quant/registry.h"

namespace quant {
namespace {
using lanes::F8, lanes::I8, lanes::fused, lanes::kLanes, lanes::min, lanes::pick_from, lanes::splat;
constexpr std::size_t kBytes = 128, kGroup = 4;

/// Column of member `m` of group k.
constexpr std::size_t member(std::size_t k, std::size_t m) noexcept {
  return 2 * k + 16 * (m % 2) + m / 2;
}

/// Bit c is set where code c has an odd number of ones.
constexpr std::int32_t kOddCodes = 0x6996;

constexpr bool is_odd(unsigned code) noexcept { return std::popcount(code) % 2 == 1; }

/// Beside a code: the codes of other parity that are nearest to values a little below and above
/// its level, and where the one gives way to the other. (Between the values that have this code
/// nearest there is at most one such place.)
struct Beside {
  std::array<float, 16> low_level{}, high_level{}, from{};
  std::array<float, 16> low_code{}, high_code{};
};
constexpr Beside kBeside = [] {
  constexpr auto& kLevel = LevelsT4::kLevel;
  const auto nearest_other = [&](unsigned code, float v) {
    unsigned nearest = 16;
    for (unsigned c = 0; c < 16; ++c) {
      if (is_odd(c) == is_odd(code)) continue;
      const auto off = [&](unsigned k) { return v < kLevel[k] ? kLevel[k] - v : v - kLevel[k]; };
      if (nearest == 16 || off(c) < off(nearest)) nearest = c;
    }
    return nearest;
  };
  Beside out;
  for (unsigned c = 0; c < 16; ++c) {
    const float begin = c == 0 ? kLevel[0] - 64 : (kLevel[c - 1] + kLevel[c]) / 2;
    const float end = c == 15 ? kLevel[15] + 64 : (kLevel[c] + kLevel[c + 1]) / 2;
    const unsigned low = nearest_other(c, begin), high = nearest_other(c, end - 0.25F);
    out.low_level[c] = kLevel[low], out.high_level[c] = kLevel[high];
    out.low_code[c] = static_cast<float>(low), out.high_code[c] = static_cast<float>(high);
    out.from[c] = (kLevel[low] + kLevel[high]) / 2;
  }
  return out;
}();

/// The best four codes of even total parity: everywhere the nearest, then, if the total is odd, the
/// nearest of the other parity where that costs least.
struct Group {
  std::array<F8, kGroup> level;
  std::array<I8, kGroup> code;      ///< nearest of all
  std::array<I8, kGroup> flip;      ///< set where the other one is taken
  std::array<I8, kGroup> is_above;  ///< which one that is
};

/// `Code`: gives the nearest code of a value.
template <class Code>
[[gnu::always_inline]] inline Group round_group(const Tile& tile, std::size_t k, F8 inverse,
                                                F8 shift, Code nearest) noexcept {
  std::array<F8, kGroup> other, cost;
  Group out;
  I8 odd{};
  for (std::size_t m = 0; m < kGroup; ++m) {
    const F8 v = fused(tile.x[member(k, m)], inverse, -shift);
    const I8 code = nearest(v);
    const F8 level = pick_from(LevelsT4::kLevel, code);
    const I8 above = v >= pick_from(kBeside.from, code);
    const F8 beside =
        above ? pick_from(kBeside.high_level, code) : pick_from(kBeside.low_level, code);
    const F8 off = v - level, off_beside = v - beside;
    // The parity of a code is bit `code` of this word, carried to the sign.
    odd = odd ^ (splat(kOddCodes) << (31 - code));
    out.level[m] = level;
    out.code[m] = code;
    out.is_above[m] = above;
    other[m] = beside;
    cost[m] = tile.w[member(k, m)] * fused(off_beside, off_beside, -(off * off));
  }
  odd = odd >> 31;
  const F8 least = min(min(cost[0], cost[1]), min(cost[2], cost[3]));
  for (std::size_t m = 0; m < kGroup; ++m) {
    const I8 flip = odd & (cost[m] <= least);
    out.level[m] = flip ? other[m] : out.level[m];
    out.flip[m] = flip;
    odd = odd & ~flip;  // only one of equals
  }
  return out;
}

void sums(const Tile& tile, const F8& inverse, const F8& shift, Sums& out) noexcept {
  F8 xq{}, qq{};
  for (std::size_t k = 0; k < tile.elems / kGroup; ++k) {
    const Group g = round_group(tile, k, inverse, shift, lanes::rough_code<LevelsT4>);
    for (std::size_t m = 0; m < kGroup; ++m) {
      const F8 q = g.level[m] + shift;
      xq = fused(tile.wx[member(k, m)], q, xq);
      qq = fused(tile.w[member(k, m)] * q, q, qq);
    }
  }
  out = {xq, qq};
}

void sums2(const Tile& tile, const F8 (&inverse)[2], const F8& shift, Sums (&out)[2]) noexcept {
  for (int i = 0; i < 2; ++i) sums(tile, inverse[i], shift, out[i]);
}

void codes(const Tile& tile, const F8& inverse, const F8& shift, std::uint8_t* out) noexcept {
  for (std::size_t k = 0; k < tile.elems / kGroup; ++k) {
    const Group g = round_group(tile, k, inverse, shift, lanes::exact_code<LevelsT4>);
    for (std::size_t m = 0; m < kGroup; ++m) {
      const F8 other = g.is_above[m] ? pick_from(kBeside.high_code, g.code[m])
                                     : pick_from(kBeside.low_code, g.code[m]);
      const I8 code = g.flip[m] ? lanes::truncate(other) : g.code[m];
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        out[lane * tile.elems + member(k, m)] = static_cast<std::uint8_t>(code[lane]);
      }
    }
  }
}

constexpr LevelKernel kKernel{.first = LevelsT4::kLevel.front(),
                              .last = LevelsT4::kLevel.back(),
                              .shift = 4,
                              .levels = LevelsT4::kLevel,
                              .sums = sums,
                              .sums2 = sums2,
                              .codes = codes};

void pack(const LevelBlock& from, std::byte* block) noexcept {
  for (std::size_t b = 0; b < 8; ++b) {
    const auto scale = static_cast<std::uint32_t>(from.scale[b] + 127) | from.half[b];
    for (std::size_t k = 0; k < 8; ++k) {
      std::uint32_t g = 0;
      for (std::size_t m = 0; m < kGroup; ++m) {
        g |= static_cast<std::uint32_t>(from.code[32 * b + member(k, m)]) << (4 * m);
      }
      std::uint32_t p = g;  // running parity; its bit 15 would be the parity of all, which is even
      for (const unsigned by : {1U, 2U, 4U, 8U}) p ^= p << by;
      const auto word = static_cast<std::uint16_t>(((p & 0x7fffU) << 1) | bits(scale, k, 1));
      base::store(block + 2 * (8 * b + k), word);
    }
  }
}

void unpack(const std::byte* block, LevelBlock& to) noexcept {
  for (std::size_t b = 0; b < 8; ++b) {
    std::uint32_t scale = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      const std::uint32_t word = base::load_u16(block + 2 * (8 * b + k));
      scale |= (word & 1U) << k;
      const std::uint32_t u = word & 0xfffeU;
      const std::uint32_t g = u ^ (u >> 1);
      for (std::size_t m = 0; m < kGroup; ++m) {
        to.code[32 * b + member(k, m)] = static_cast<std::uint8_t>(bits(g, 4 * m, 4));
      }
    }
    to.scale[b] = static_cast<std::int16_t>(static_cast<int>(scale & 254U) - 127);
    to.half[b] = static_cast<std::uint8_t>(scale & 1U);
  }
}

constexpr LevelFormat kFormat{.kernel = &kKernel,
                              .sub_elems = 32,
                              .scales = {.min = -127, .max = 127, .step = 2},
                              .scope = LevelFormat::Scope::row,
                              .f16_scale = false,
                              .block_bytes = kBytes,
                              .pack = pack,
                              .unpack = unpack};
}  // namespace

const Codec iq4_kss = level_codec<kFormat>(146, "iq4_kss", Family::iqk, Readers::ik_only,
                                           "docs/spec/types/iqk.md, section 11");
}  // namespace quant
