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
using lanes::F8, lanes::I8, lanes::abs, lanes::kLanes, lanes::min, lanes::splat;
constexpr std::size_t kBytes = 128, kGroup = 4;

/// Column of member `m` of group k.
constexpr std::size_t member(std::size_t k, std::size_t m) noexcept {
  return 2 * k + 16 * (m % 2) + m / 2;
}

/// The levels whose codes have an even (or odd) number of ones.
template <bool kOdd>
constexpr std::array<std::uint8_t, 8> codes_of() noexcept {
  std::array<std::uint8_t, 8> out{};
  std::size_t n = 0;
  for (unsigned c = 0; c < 16; ++c) {
    if ((std::popcount(c) % 2 == 1) == kOdd) out[n++] = static_cast<std::uint8_t>(c);
  }
  return out;
}

/// An element's nearest level among those of one parity.
struct Nearest {
  F8 level;
  I8 code;
};

template <bool kOdd>
Nearest nearest(F8 v) noexcept {
  static constexpr auto kCodes = codes_of<kOdd>();
  const auto level_of = [](std::size_t k) { return LevelsT4::kLevel[kCodes[k]]; };
  Nearest out{.level = splat(level_of(0)), .code = splat(std::int32_t{kCodes[0]})};
  for (std::size_t k = 1; k < 8; ++k) {
    const I8 above = v >= splat((level_of(k - 1) + level_of(k)) / 2);
    out.level = above ? splat(level_of(k)) : out.level;
    out.code = above ? splat(std::int32_t{kCodes[k]}) : out.code;
  }
  return out;
}

/// The best four codes of even total parity: everywhere the cheaper parity, then, if the total is
/// odd, the other parity where it costs least.
struct Group {
  std::array<F8, kGroup> level;
  std::array<I8, kGroup> code;
};

Group round_group(const Tile& tile, std::size_t k, F8 inverse, F8 shift) noexcept {
  std::array<Nearest, kGroup> other;
  std::array<F8, kGroup> cost;
  Group out;
  I8 odd{};
  for (std::size_t m = 0; m < kGroup; ++m) {
    const F8 v = tile.x[member(k, m)] * inverse - shift;
    const Nearest a = nearest<false>(v), b = nearest<true>(v);
    const F8 off_a = v - a.level, off_b = v - b.level;
    const F8 more = off_b * off_b - off_a * off_a;
    const I8 take_odd = more < splat(0.0F);
    out.level[m] = take_odd ? b.level : a.level;
    out.code[m] = take_odd ? b.code : a.code;
    other[m].level = take_odd ? a.level : b.level;
    other[m].code = take_odd ? a.code : b.code;
    cost[m] = tile.w[member(k, m)] * abs(more);
    odd = odd ^ take_odd;
  }
  const F8 least = min(min(cost[0], cost[1]), min(cost[2], cost[3]));
  for (std::size_t m = 0; m < kGroup; ++m) {
    const I8 flip = odd & (cost[m] <= least);
    out.level[m] = flip ? other[m].level : out.level[m];
    out.code[m] = flip ? other[m].code : out.code[m];
    odd = odd & ~flip;  // only one of equals
  }
  return out;
}

void sums(const Tile& tile, const F8& inverse, const F8& shift, Sums& out) noexcept {
  F8 xq{}, qq{};
  for (std::size_t k = 0; k < tile.elems / kGroup; ++k) {
    const Group g = round_group(tile, k, inverse, shift);
    for (std::size_t m = 0; m < kGroup; ++m) {
      const F8 q = g.level[m] + shift;
      xq = xq + tile.wx[member(k, m)] * q;
      qq = qq + tile.w[member(k, m)] * (q * q);
    }
  }
  out = {xq, qq};
}

void sums2(const Tile& tile, const F8 (&inverse)[2], const F8& shift, Sums (&out)[2]) noexcept {
  for (int i = 0; i < 2; ++i) sums(tile, inverse[i], shift, out[i]);
}

void codes(const Tile& tile, const F8& inverse, const F8& shift, std::uint8_t* out) noexcept {
  for (std::size_t k = 0; k < tile.elems / kGroup; ++k) {
    const Group g = round_group(tile, k, inverse, shift);
    for (std::size_t m = 0; m < kGroup; ++m) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        out[lane * tile.elems + member(k, m)] = static_cast<std::uint8_t>(g.code[m][lane]);
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
